/** Writes the rows of one table inside of a transaction: at one go, or between savepoints, so that bad rows stand alone. */
import type { PoolClient } from 'pg'
import type { WireRecord } from '../runtime/wire'
import { bisect } from './bisect'
import { asDatabaseError, DatabaseError } from './database-error'
import type { RejectedRecord } from './rejected'
import type { EncodedRows } from './row-mapping'
import type { RowTargets, TargetedRecords } from './row-target'

export interface EncodedPart extends TargetedRecords {
  readonly rows: EncodedRows
}

/** What became of the rows of a part. */
export interface WrittenPart {
  readonly bad: readonly RejectedRecord[]
  /** Rows that PostgreSQL says it has stored. */
  readonly stored: number
}

/** @returns how many rows PostgreSQL says it has stored */
export async function writeRows(
  client: PoolClient,
  part: EncodedPart,
  from: number,
  to: number,
): Promise<number> {
  const { target, rows } = part
  if (to === from) return 0
  try {
    return await target.writer.write(client, rows.copy.slice(from, to))
  } catch (thrown) {
    throw asDatabaseError(thrown, `writing to ${nameOf(part)}`)
  }
}

/** @returns the fault of the tenant's own table when that cannot be written: then none of the rows is */
export async function writePart(
  client: PoolClient,
  part: EncodedPart,
  targets: RowTargets,
): Promise<WrittenPart | DatabaseError> {
  if (part.tenant === undefined) return bisectRows(client, part)
  await client.query('savepoint own_table')
  try {
    const written = await bisectRows(client, part)
    await client.query('release savepoint own_table')
    return written
  } catch (error) {
    if (!(error instanceof DatabaseError) || !targets.isOwnFault(part.target, error)) throw error
    await client.query('rollback to savepoint own_table')
    targets.noteFailed(part.tenant, error)
    return error
  }
}

async function bisectRows(client: PoolClient, part: EncodedPart): Promise<WrittenPart> {
  let stored = 0
  let isSet = false
  const bad = await bisect<DatabaseError>(part.rows.copy.rows, async (from, to) => {
    if (!isSet) await client.query('savepoint rows')
    isSet = true
    let written: number
    try {
      written = await writeRows(client, part, from, to)
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.kind !== 'data') throw error
      await client.query('rollback to savepoint rows')
      return { error, row: error.row }
    }
    await client.query('release savepoint rows')
    isSet = false
    stored += written
    return undefined
  })
  const rejected = bad.map(({ index, error }) => ({
    record: part.rows.records[index] as WireRecord,
    reason: { code: error.sqlState, text: error.message },
  }))
  return { bad: rejected, stored }
}

function nameOf({ tenant, target }: TargetedRecords): string {
  const { schema, table } = target.table
  return tenant === undefined ? `"${table}"` : `"${schema}"."${table}"`
}
