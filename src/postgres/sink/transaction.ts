/**
 * The one transaction of a batch: it moves the position, writes the rows and the dead letters, and corrects the ledger's
 * counts when the outcome differs from what was expected.
 */
import type { PoolClient } from 'pg'
import { PipelineError } from '../../wire/errors'
import { activeTraces, type TraceSpan } from '../../trace/traces'
import type { WireRecord } from '../../wire/message'
import type { Database } from '../connect/database'
import type { TableName } from '../connect/identifiers'
import { writeDeadLetters, type Refuser } from '../dead-letters/dead-letters'
import type { PositionMove } from '../ledger/position-move'
import type { NewestRow } from '../refusals/newest-row'
import type { Witnesses } from '../refusals/witnesses'
import type { RejectedRecord } from '../rows/rejected'
import type { EncodedRows } from '../rows/row-encoder'
import type { EncodedPart } from '../write/part-writer'
import type { RowTargets } from '../write/row-target'

export interface TransactionOptions {
  readonly database: Database
  readonly targets: RowTargets
  /** Rows that the table has taken lately. */
  readonly witnesses: Witnesses
  readonly newestRow: NewestRow
  /** `undefined`: the flow has stored rejected records before the batch is committed without them. */
  readonly deadLetters: TableName | undefined
  readonly refuser: Refuser
  /** Rows were stored with another time than the device's, although they should have that. */
  readonly onTimeReplaced?: (records: readonly WireRecord[]) => void
  /** A transaction was committed. */
  readonly onCommitted?: (records: number, seconds: number) => void
  /** Rows were stored that have no value in these columns. */
  readonly onStored?: (rows: number, emptyColumns: readonly string[]) => void
}

/** What goes into one transaction. */
export interface Batch {
  readonly records: readonly WireRecord[]
  /** May still grow while the rows are written. */
  readonly rejected: readonly RejectedRecord[]
  /** Rejected records of this batch that the flow has stored already. */
  readonly delivered: number
  readonly parts: readonly EncodedPart[]
  readonly position: PositionMove
}

export interface StoredParts {
  /** Parts that have stored rows. */
  readonly parts: readonly EncodedPart[]
  /** As PostgreSQL says. */
  readonly rows: number
}

export interface Written {
  readonly rows: number
  readonly rejected: readonly RejectedRecord[]
  /** All of it had been written before. */
  readonly before: boolean
}

/**
 * @param write writes the rows of the parts
 * @returns undefined when another process has moved the position
 * @throws DatabaseError
 */
export async function commitBatch(
  options: TransactionOptions,
  { records, rejected, delivered, parts, position }: Batch,
  write: (client: PoolClient) => Promise<StoredParts>,
): Promise<Written | undefined> {
  const { database, deadLetters, refuser, targets, witnesses, newestRow } = options
  let stored: readonly EncodedPart[] = []
  const expected = {
    rows: parts.reduce((sum, { rows }) => sum + rows.copy.rows, 0),
    deadLetters: rejected.length + delivered,
  }
  const statements = position.statements(expected)
  const everything = async (client: PoolClient, changed: number): Promise<void> => {
    if (changed !== statements.length) throw new PositionMoved()
    if ((await position.mayWrite?.(client)) === false) throw new PositionMoved()
    const written = await write(client)
    stored = written.parts
    if (deadLetters !== undefined && rejected.length > 0) {
      await writeDeadLetters(client, deadLetters, rejected, refuser, position.clusterId)
    }
    await position.correct(client, expected, {
      rows: written.rows,
      deadLetters: rejected.length + delivered,
    })
  }
  const startedAtMs = performance.now()
  const span = traceOf(targets.name, records)
  try {
    await database.transaction(`writing to ${targets.name}`, everything, position.lane, statements)
    span?.end()
  } catch (error) {
    span?.end(error)
    if (error instanceof PositionMoved) return undefined
    throw error
  }
  options.onCommitted?.(records.length, (performance.now() - startedAtMs) / 1000)
  const isRejected = new Set(rejected.map(({ record }) => record))
  for (const part of stored) {
    options.onStored?.(part.rows.copy.rows, part.rows.empty)
    witnesses.note(part, isRejected)
    if (part.tenant === undefined) newestRow.note(storedTimes(part.rows, isRejected), part.rows.nowMs)
  }
  // All bytes of them were sent before COMMIT was answered.
  for (const { rows } of parts) rows.copy.release()
  options.onTimeReplaced?.(stored.flatMap(({ rows }) => rows.timeReplaced))
  targets.noteWritten(stored.flatMap(({ tenant }) => tenant ?? []))
  return { rows: records.length - rejected.length, rejected, before: false }
}

function traceOf(table: string, records: readonly WireRecord[]): TraceSpan | undefined {
  return activeTraces()?.batch({
    name: `insert ${table}`,
    kind: 'CLIENT',
    attributes: {
      'db.system.name': 'postgresql',
      'db.operation.name': 'insert',
      'db.collection.name': table,
      'db.operation.batch.size': records.length,
    },
    count: records.length,
    carrierOf: (at) => records[at]?.kafka?.headers,
  })
}

function storedTimes(
  { timesMs, records }: EncodedRows,
  rejected: ReadonlySet<WireRecord>,
): readonly number[] {
  if (rejected.size === 0) return timesMs
  return timesMs.filter((_, index) => !rejected.has(records[index] as WireRecord))
}

/** Not for users: rolls the transaction back. */
class PositionMoved extends PipelineError {
  constructor() {
    super('POSITION_MOVED', 'the ledger has moved', { retryable: true })
  }
}
