/**
 * Names of tables and columns in SQL text, which come from the node's configuration only, never from a message; and texts
 * in it, which may come from anywhere.
 */
import { createHash } from 'node:crypto'
import { escapeIdentifier, escapeLiteral } from 'pg'

/** PostgreSQL cuts longer names off, so that two of them may become one. */
export const MAX_IDENTIFIER_BYTES = 63

export interface TableName {
  readonly schema: string
  readonly table: string
}

export const quoted = (name: string): string => escapeIdentifier(name)

/** A text as a value in SQL text, where no parameter can be used; nothing is NULL. */
export const literal = (text: string | undefined): string =>
  text === undefined ? 'null' : escapeLiteral(text)

/** `"public"."iot_messages"`, for SQL text. */
export const qualified = ({ schema, table }: TableName): string => `${quoted(schema)}.${quoted(table)}`

/** A table of the same schema. */
export const sibling = ({ schema }: TableName, table: string): TableName => ({ schema, table })

/** A name made of two parts that PostgreSQL does not cut off; a long first part is replaced by its hash. */
export function derivedName(base: string, suffix: string): string {
  const room = MAX_IDENTIFIER_BYTES - suffix.length
  if (base.length <= room) return base + suffix
  const hash = createHash('sha256').update(base).digest('hex').slice(0, 8)
  return `${base.slice(0, room - 9)}_${hash}${suffix}`
}

/** The view that adds up a ledger. */
export const auditView = (ledger: TableName): TableName =>
  sibling(ledger, derivedName(ledger.table, '_audit'))
