/** Which table a record goes to: all of them to one, or each tenant's to a table of its own (`tenant-tables.ts`). */
import type { WireRecord } from '../../wire/message'
import type { DatabaseError } from '../connect/database-error'
import type { TableName } from '../connect/identifiers'
import type { Reason, RejectedRecord } from '../rows/rejected'
import type { EncodedRows } from '../rows/row-encoder'
import type { RowMapping } from '../rows/row-mapping'
import type { RowWriter } from './row-writer'

/** A table that exists, and how to write rows to it. */
export interface RowTarget {
  readonly table: TableName
  readonly mapping: RowMapping
  /** @param refusedDays days that the table has no place for, and why */
  encode(
    records: readonly WireRecord[],
    nowMs: number,
    refusedDays?: ReadonlyMap<number, Reason>,
  ): EncodedRows
  /** Takes what `encode` makes. */
  readonly writer: RowWriter
  /** Rows of suspected tenants are not put last: what one row does depends on those before it. */
  readonly keepsOrder?: boolean
  /** SQLSTATEs that are a verdict on a row, however many rows in a row get it. */
  readonly verdicts?: ReadonlySet<string>
  /** Partitions to create before rows need them, when they are ours. */
  readonly partitions: RowPartitions | undefined
}

export interface RowPartitions {
  /**
   * Makes sure that rows of these days have a place.
   * @returns days gone by for which there can be none, and why
   * @throws DatabaseError of kind `configuration` when there can be none for today, or for a day to come
   */
  forRows(days: Iterable<number>, nowMs: number): Promise<ReadonlyMap<number, Reason>>
  /** Some may have been dropped: look again. */
  forget(): void
}

/** Records of one table. */
export interface TargetedRecords {
  readonly target: RowTarget
  /** Whose table it is, when it is one tenant's alone. */
  readonly tenant: string | undefined
  readonly records: readonly WireRecord[]
}

/** Records of a tenant whose own table cannot be written. */
export interface TableFailure {
  readonly tenant: string
  readonly records: readonly WireRecord[]
  readonly error: DatabaseError
}

export interface Division {
  readonly parts: readonly TargetedRecords[]
  /** Records whose tenant names no table. */
  readonly rejected: readonly RejectedRecord[]
  readonly failures: readonly TableFailure[]
}

export interface RowTargets {
  /** For sentences. */
  readonly name: string
  /** The table that all tenants share; `undefined` when each has its own. */
  readonly shared: RowTarget | undefined
  /** @throws DatabaseError that is not the fault of one tenant's table */
  divide(records: readonly WireRecord[]): Promise<Division>
  /** Partitions were dropped by another client. @returns false when none of them are ours */
  forgetPartitions(): boolean
  /** Whether an error of writing to a table says nothing about the other tables. */
  isOwnFault(target: RowTarget, error: DatabaseError): boolean
  /** A tenant's table could not be written: look at it again before the next row. */
  noteFailed(tenant: string, error: DatabaseError): void
  /** Rows of these tenants are durable. */
  noteWritten(tenants: readonly string[]): void
  /** Since this tenant's table began to fail, another's has been written. */
  failsAlone(tenant: string): boolean
}

/** One table for all tenants: its faults affect all of them. */
export class SharedTable implements RowTargets {
  readonly name: string

  constructor(readonly shared: RowTarget) {
    this.name = `"${shared.table.table}"`
  }

  divide(records: readonly WireRecord[]): Promise<Division> {
    return Promise.resolve({
      parts: [{ target: this.shared, tenant: undefined, records }],
      rejected: [],
      failures: [],
    })
  }

  forgetPartitions(): boolean {
    this.shared.partitions?.forget()
    return this.shared.partitions !== undefined
  }

  isOwnFault(): boolean {
    return false
  }

  noteFailed(): void {
    throw new Error('a shared table belongs to no tenant')
  }

  noteWritten(): void {
    // No tenant has its own table.
  }

  failsAlone(): boolean {
    return false
  }
}
