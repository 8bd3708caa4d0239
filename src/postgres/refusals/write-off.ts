/** Which records become dead letters when the tables of some tenants cannot be written. */
import { TENANT_TABLE, type RejectedRecord } from '../rows/rejected'
import type { RowTargets, TableFailure } from '../write/row-target'

/**
 * The records of tenants whose own table cannot be written.
 * @throws DatabaseError when nothing proves that the tables of others can: then the fault may affect all of them
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
