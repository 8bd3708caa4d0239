/**
 * Turns the records of a batch into encoded rows, by table and by suspicion, and makes sure that the rows have partitions.
 * Rows of suspected tenants come last and apart, so that the rows of all others take one statement.
 */
import type { WireRecord } from '../../wire/message'
import type { Database } from '../connect/database'
import { DatabaseError } from '../connect/database-error'
import { refusedPayload } from '../refusals/screen'
import { divideBySuspicion } from '../refusals/tenant-breakers'
import { refusedElement } from '../rows/elements'
import type { RejectedRecord } from '../rows/rejected'
import type { EncodedRows } from '../rows/row-encoder'
import type { RowMapping } from '../rows/row-mapping'
import type { EncodedPart } from '../write/part-writer'
import type { RowTarget, RowTargets, TableFailure } from '../write/row-target'

export interface EncodingOptions {
  readonly database: Database
  readonly targets: RowTargets
  /** Rows that fall on these days (since 1970, UTC) are about to be written. */
  readonly onDays?: (days: ReadonlySet<number>) => void
}

export interface EncodedBatch {
  readonly parts: readonly EncodedPart[]
  readonly rejected: readonly RejectedRecord[]
  readonly failures: readonly TableFailure[]
}

export type IsSuspect = (tenant: unknown) => boolean

/**
 * @param isSuspect   `undefined`: no tenant is
 * @param screensAll  screen all payloads, not only those of suspects
 * @throws DatabaseError that is not the fault of one tenant's own table
 */
export async function encodeParts(
  { database, targets, onDays }: EncodingOptions,
  records: readonly WireRecord[],
  isSuspect: IsSuspect | undefined,
  screensAll: boolean,
): Promise<EncodedBatch> {
  const division = await targets.divide(records)
  const rejected = [...division.rejected]
  const failures = [...division.failures]
  const [others, suspects]: [EncodedPart[], EncodedPart[]] = [[], []]
  for (const { target, tenant, records } of division.parts) {
    const { passed, refused } = screened(records, target.mapping, screensAll ? () => true : isSuspect)
    rejected.push(...refused)
    const suspected = target.keepsOrder === true ? undefined : isSuspect
    for (const run of suspected === undefined ? [passed] : divideBySuspicion(passed, suspected)) {
      let rows = target.encode(run, database.clock.now())
      try {
        onDays?.(rows.days)
        rows = await withPartitions(target, run, rows)
      } catch (error) {
        if (!(error instanceof DatabaseError) || tenant === undefined) throw error
        if (!targets.isOwnFault(target, error)) throw error
        targets.noteFailed(tenant, error)
        rejected.push(...rows.rejected)
        failures.push({ tenant, records: rows.records, error })
        continue
      }
      rejected.push(...rows.rejected)
      const isLast = run[0] !== undefined && suspected?.(run[0].tenant) === true
      ;(isLast ? suspects : others).push({ target, tenant, records: run, rows })
    }
  }
  return { parts: [...others, ...suspects], rejected, failures }
}

/** Encodes the records again without those of days that the table has no place for. */
async function withPartitions(
  target: RowTarget,
  records: readonly WireRecord[],
  rows: EncodedRows,
): Promise<EncodedRows> {
  const refusedDays = await target.partitions?.forRows(rows.days, rows.nowMs)
  return refusedDays === undefined || refusedDays.size === 0
    ? rows
    : target.encode(records, rows.nowMs, refusedDays)
}

/** Takes out payloads that the column of this table is certain to refuse. */
function screened(
  records: readonly WireRecord[],
  { columns, payloadType }: RowMapping,
  isScreened: IsSuspect | undefined,
): { passed: readonly WireRecord[]; refused: readonly RejectedRecord[] } {
  const hasPayload = columns.some(({ source }) => source.kind === 'payload')
  if (isScreened === undefined || !hasPayload) return { passed: records, refused: [] }
  const refused: RejectedRecord[] = []
  const passed = records.filter((record) => {
    if (!isScreened(record.tenant)) return true
    const reason = refusedElement(record) ?? refusedPayload(record.payload, payloadType)
    if (reason !== undefined) refused.push({ record, reason })
    return reason === undefined
  })
  return { passed, refused }
}
