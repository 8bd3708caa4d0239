import type { ClientBase } from 'pg'
import { auditView, qualified, type TableName } from '../identifiers'
import { ADDED_COLUMNS } from './add-ledger-columns'

export interface LedgerDescription {
  /** Columns that an older ledger does not have. */
  readonly missingColumns: readonly string[]
  readonly hasAudit: boolean
}

/** `undefined` when there is no such table. */
export async function describeLedger(
  client: ClientBase,
  ledger: TableName,
): Promise<LedgerDescription | undefined> {
  const { rows } = await client.query<LedgerDescription>(
    `\
select array(select name from unnest($2::text[]) as name
              where name not in (select attname from pg_attribute
                                  where attrelid = to_regclass($1) and not attisdropped)) as "missingColumns",
       to_regclass($3) is not null as "hasAudit"
 where to_regclass($1) is not null`,
    [qualified(ledger), ADDED_COLUMNS, qualified(auditView(ledger))],
  )
  return rows[0]
}
