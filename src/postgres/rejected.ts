/** A record that can never become a row, with the reason in words and a code that a flow can ask for. */
import type { WireRecord } from '../runtime/wire'

export interface Reason {
  /**
   * `JSON_INVALID`, `UTF8_INVALID`, `NUL_BYTE`, `TIME_INVALID`, `NOT_ENCODABLE`, `KEY_MISSING`, `TENANT_INVALID`,
   * `TENANT_TABLE`, or a SQLSTATE.
   */
  readonly code: string
  readonly text: string
}

/** The record is good: its tenant's own table cannot be written, while those of other tenants can. */
export const TENANT_TABLE = 'TENANT_TABLE'

export interface RejectedRecord {
  readonly record: WireRecord
  readonly reason: Reason
}
