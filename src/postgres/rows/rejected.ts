/** A record that can never become a row, with the reason and a code that a flow can check. */
import type { WireRecord } from '../../wire/message'

export interface Reason {
  /**
   * `RECORD_INVALID`, `JSON_INVALID`, `UTF8_INVALID`, `NUL_BYTE`, `TIME_INVALID`, `VALUE_CHANGED`, `NOT_ENCODABLE`, `KEY_MISSING`,
   * `TENANT_INVALID`, `TENANT_TABLE`, `TIME_OUTDATED`, `NO_PARTITION`, `NO_ROW_CHANGED`, of a roll-up `NAME_INVALID` and
   * `METRICS_EXCEEDED`, or a SQLSTATE.
   */
  readonly code: string
  readonly text: string
  /** The constraint, the column or the partition key by which PostgreSQL has refused the row, where it says so. */
  readonly rule?: string | undefined
  /** PostgreSQL has refused the row without saying whether the row or the table is at fault. */
  readonly byTable?: boolean
  /** A rule of the user's has decided on the record, by what the database has now: it is sold out, or known already. */
  readonly isVerdict?: boolean
}

/** The record is good: its tenant's own table cannot be written, while those of other tenants can. */
export const TENANT_TABLE = 'TENANT_TABLE'

/** The record is good, and late: the retention would drop its row. */
export const TIME_OUTDATED = 'TIME_OUTDATED'

/** The record is good, and the table has no partition for it: its day's was dropped, its tenant's is not created yet. */
export const NO_PARTITION = 'NO_PARTITION'

const OF_GOOD_RECORDS: ReadonlySet<string> = new Set([TENANT_TABLE, TIME_OUTDATED, NO_PARTITION])

/** The reason does not count against the record, its tenant, or rows of other times and tables. */
export function isOfGoodRecord({ code, byTable = false, isVerdict = false }: Reason): boolean {
  return isVerdict || (OF_GOOD_RECORDS.has(code) && !byTable)
}

export interface RejectedRecord {
  readonly record: WireRecord
  readonly reason: Reason
}
