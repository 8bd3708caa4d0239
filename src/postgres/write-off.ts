/** What may be written off as a dead letter, and what is a fault that somebody has to mend. */
import { DatabaseError } from './database-error'
import { isOfGoodRecord, TENANT_TABLE, type Reason, type RejectedRecord } from './rejected'
import type { RowTargets, TableFailure } from './row-target'

/** From so many rows on, a fault that all of them share is the table's. */
const SUSPICIOUS_ROWS = 100

/**
 * The records of tenants whose own table cannot be written.
 * @throws DatabaseError when nothing proves that the tables of others can: then the fault may be everybody's
 */
export function writtenOff(
  failures: readonly TableFailure[],
  othersAreStored: boolean,
  targets: Pick<RowTargets, 'failsAlone'>,
): RejectedRecord[] {
  const unproven = failures.find(({ tenant }) => !othersAreStored && !targets.failsAlone(tenant))
  if (unproven !== undefined) throw unproven.error
  return failures.flatMap(({ tenant, records, error }) => {
    const text = `the table of the tenant "${tenant}" cannot be written, those of others can: ${error.message}`
    return records.map((record) => ({ record, reason: { code: TENANT_TABLE, text } }))
  })
}

/** @throws DatabaseError of kind `configuration` when all rows were refused in the same way, and not one tenant's */
export function assertNotTheTable(rejected: readonly RejectedRecord[], records: number): void {
  const first = rejected[0]
  if (first === undefined || isOfGoodRecord(first.reason)) return
  if (rejected.length < Math.max(records, SUSPICIOUS_ROWS)) return
  const sameWay = rejected.every(({ reason }) => reason.code === first.reason.code)
  const severalTenants = rejected.some(({ record }) => record.tenant !== first.record.tenant)
  if (sameWay && severalTenants) throw everyRowRefused(records, first.reason)
}

function everyRowRefused(records: number, { code, text }: Reason): DatabaseError {
  const message =
    `all ${records} rows of a batch, of several tenants, were refused in the same way, so the table or the sink ` +
    `is set up for other data; nothing was written off. The first: ${text}`
  return new DatabaseError('configuration', code, message, `every row refused (${code})`)
}
