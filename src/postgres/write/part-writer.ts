/** Writes the rows of one table inside a transaction: in one statement, or between savepoints, which isolate bad rows. */
import type { PoolClient } from 'pg'
import type { WireRecord } from '../../wire/message'
import { bisect, type Fault } from './bisect'
import { asDatabaseError, DatabaseError } from '../connect/database-error'
import { NO_PARTITION, type Reason, type RejectedRecord } from '../rows/rejected'
import type { EncodedRows } from '../rows/row-encoder'
import type { RowTarget, RowTargets, TargetedRecords } from './row-target'

export interface EncodedPart extends TargetedRecords {
  readonly rows: EncodedRows
}

/** A row for which the table has no partition. */
export interface Homeless {
  readonly timeMs: number
  readonly error: DatabaseError
}

/** The outcome of writing a part. */
export interface WrittenPart {
  readonly bad: readonly RejectedRecord[]
  /** Rows that were stored: `stored-rows.ts`. */
  readonly stored: number
  /** An error that has refused a row, and that may be the table's fault unless other rows pass. */
  readonly doubt: DatabaseError | undefined
  /** Of the bad ones, those without a partition. */
  readonly homeless: readonly Homeless[]
  /** The times of the others. */
  readonly passedMs: readonly number[]
}

/** How much is tried before a row is taken to be the reason. */
export interface Patience {
  /** The batch has failed like this often enough: a row may be over a limit of time or of the configuration. */
  readonly isOver: boolean
}

/** @returns how many rows were stored: `stored-rows.ts` */
export async function writeRows(
  client: PoolClient,
  part: EncodedPart,
  from: number,
  to: number,
): Promise<number> {
  const { target, rows } = part
  if (to === from) return 0
  try {
    return await target.writer.write(client, rows.copy.slice(from, to), to - from)
  } catch (thrown) {
    throw asDatabaseError(thrown, `writing to ${nameOf(part)}`)
  }
}

/**
 * @param first the fault of an earlier statement with all its rows
 * @returns the fault of the tenant's own table when that cannot be written: then none of the rows is
 */
export async function writePart(
  client: PoolClient,
  part: EncodedPart,
  targets: RowTargets,
  patience: Patience,
  first?: Fault<DatabaseError>,
): Promise<WrittenPart | DatabaseError> {
  if (part.tenant === undefined) return bisectRows(client, part, patience, first)
  await client.query('savepoint own_table')
  try {
    const written = await bisectRows(client, part, patience, first)
    // The rows of others lie in other tables, and say nothing about this one.
    if (written.doubt !== undefined && written.bad.length === part.rows.copy.rows) throw written.doubt
    await client.query('release savepoint own_table')
    return written
  } catch (error) {
    if (!(error instanceof DatabaseError) || !targets.isOwnFault(part.target, error)) throw error
    await client.query('rollback to savepoint own_table')
    targets.noteFailed(part.tenant, error)
    return error
  }
}

/** Each statement that runs into a time limit takes that time; after this many the whole batch is retried later. */
const MAX_TIMEOUTS = 24

/** Whether a single row may be the reason, so that searching for it is worthwhile. */
export function mayBeRow(error: DatabaseError, target: RowTarget, patience: Patience): boolean {
  // A partition of ours that is gone is created again.
  if (error.missingPartition) return target.partitions === undefined
  const blame = error.rowFault?.blame ?? 'never'
  return blame !== 'never' && (blame !== 'in the end' || patience.isOver)
}

/** Whether it may be the table's fault: other rows, of the same batch or stored lately, decide. */
function isDoubtful({ kind }: DatabaseError): boolean {
  return kind !== 'data'
}

async function bisectRows(
  client: PoolClient,
  part: EncodedPart,
  patience: Patience,
  first: Fault<DatabaseError> | undefined,
): Promise<WrittenPart> {
  let stored = 0
  let isSet = false
  let isTaken = false
  let timeouts = 0
  /** @throws the error, unless the statement succeeds without rows */
  const assertIsOfRow = async (error: DatabaseError): Promise<void> => {
    if (error.rowFault?.blame === 'in the end' && ++timeouts > MAX_TIMEOUTS) throw error
    if (isTaken || !isDoubtful(error) || error.missingPartition) return
    await part.target.writer.write(client, NO_ROWS, 0).catch(() => {
      throw error
    })
    isTaken = true
  }
  const write = async (from: number, to: number): Promise<Fault<DatabaseError> | undefined> => {
    if (!isSet) await client.query('savepoint rows')
    isSet = true
    let written: number
    try {
      written = await writeRows(client, part, from, to)
    } catch (error) {
      if (!(error instanceof DatabaseError) || !mayBeRow(error, part.target, patience)) throw error
      await client.query('rollback to savepoint rows')
      await assertIsOfRow(error)
      return { error, row: error.rowFault?.row }
    }
    await client.query('release savepoint rows')
    isSet = false
    stored += written
    return undefined
  }
  if (first !== undefined) await assertIsOfRow(first.error)
  const bad = await bisect(part.rows.copy.rows, write, { first, needsProof })
  const { timesMs } = part.rows
  const isBad = new Set(bad.map(({ index }) => index))
  return {
    bad: bad.map(({ index, error }) => ({
      record: part.rows.records[index] as WireRecord,
      reason: reasonOf(error, part.target),
    })),
    stored,
    doubt: bad.find(({ error }) => isDoubtful(error))?.error,
    homeless: bad
      .filter(({ error }) => error.missingPartition)
      .map(({ index, error }) => ({ timeMs: timesMs[index] as number, error })),
    passedMs: isBad.size === 0 ? timesMs : timesMs.filter((_, index) => !isBad.has(index)),
  }
}

const NO_ROWS = Buffer.alloc(0)

/** Whether a row has to fail alone before it is taken to be the reason. */
function needsProof({ rowFault, missingPartition }: DatabaseError): boolean {
  return rowFault?.blame !== 'row' && !missingPartition
}

function reasonOf(error: DatabaseError, { verdicts }: RowTarget): Reason {
  const { sqlState, rowFault, message, missingPartition } = error
  const { rule, refusal = message } = rowFault ?? {}
  if (!missingPartition) {
    return { code: sqlState, text: refusal, rule, isVerdict: verdicts?.has(sqlState) ?? false }
  }
  const text =
    `the table has no partition for the ${rule ?? 'row'} of this row, while it takes others; create one, then send ` +
    `the dead letter through the flow again [${sqlState}]`
  return { code: NO_PARTITION, text, rule, byTable: true }
}

function nameOf({ tenant, target }: TargetedRecords): string {
  const { schema, table } = target.table
  return tenant === undefined ? `"${table}"` : `"${schema}"."${table}"`
}
