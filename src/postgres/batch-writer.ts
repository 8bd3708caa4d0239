/**
 * One attempt to write a batch: rows, dead letters and, where there is one, the position in the ledger, in a
 * single transaction. Who calls it again after a transient error, see `retry.ts`.
 *
 * In prose: the rows are written at one go. When PostgreSQL refuses one of them, the transaction is rolled back
 * and the batch is written carefully: payloads that are certain to be refused are taken out without asking, the
 * others are bisected between savepoints, and what is refused alone becomes a dead letter. When every row is
 * refused in the same way, and they are many and of several tenants, it is the table that is at fault: nothing
 * is written off. A position that moved in the meantime means that somebody else has written: roll back, read
 * the ledger again.
 */
import type { PoolClient } from 'pg'
import { PipelineError } from '../runtime/errors'
import type { KafkaRange, WireRecord } from '../runtime/wire'
import { bisect } from './bisect'
import type { Database } from './database'
import { asDatabaseError, DatabaseError } from './database-error'
import { writeDeadLetters, type Refuser } from './dead-letters'
import type { TableName } from './identifiers'
import { planRange, type LedgerKey } from './ledger'
import type { DailyPartitions } from './partitions'
import type { Reason, RejectedRecord } from './rejected'
import type { ReplayMarks } from './replay-marks'
import { encodeRows, type EncodedRows, type RowMapping } from './row-mapping'
import type { RowWriter } from './row-writer'
import { refusedPayload } from './screen'

export interface BatchWriterOptions {
  readonly database: Database
  readonly table: TableName
  readonly mapping: RowMapping
  readonly writer: RowWriter
  /** Partitions to create on the way, when they are ours. */
  readonly partitions: DailyPartitions | undefined
  /** `undefined`: rejected records are given to `deliverRejected` before the batch is committed without them. */
  readonly deadLetters: TableName | undefined
  readonly refuser: Refuser
  /** Resolves when these records are safe elsewhere. */
  readonly deliverRejected: (rejected: readonly RejectedRecord[]) => Promise<void>
  /** Where replayed dead letters are noted; `undefined` when the key of the table knows them again. */
  readonly replays?: ReplayMarks | undefined
  /** Somebody else has written the same records. */
  readonly onPositionMoved?: () => void
}

export interface Written {
  readonly rows: number
  readonly rejected: readonly RejectedRecord[]
  /** All of it had been written before. */
  readonly before: boolean
}

/** From so many rows on, a fault that all of them share is the table's. */
const SUSPICIOUS_ROWS = 100

/** After a batch with bad payloads, so many batches are looked through first. */
const WATCHFUL_BATCHES = 20

export class BatchWriter {
  /**
   * Positions as this process has committed them, to save a question before each batch. They never decide that
   * something has been written: after a fail-over to a standby the database may be behind what we remember.
   */
  private readonly positions = new Map<string, number>()
  private watchful = 0

  constructor(private readonly options: BatchWriterOptions) {}

  /**
   * Writes the records of a range of Kafka's offsets, exactly once.
   * @throws LedgerRewound when records before this range have to be written again first
   * @throws PipelineError; retryable: call again, also after a `COMMIT` whose outcome is unknown
   */
  async writeRange(key: LedgerKey, range: KafkaRange, records: readonly WireRecord[]): Promise<Written> {
    const id = JSON.stringify(key)
    const { database } = this.options
    try {
      for (;;) {
        const remembered = this.positions.get(id)
        const trusted = remembered !== undefined && remembered <= range.firstOffset
        const position = trusted ? remembered : await this.readPosition(key)
        database.ledger.assertNotRewound(key, position, range.firstOffset)
        const plan = planRange(position, range)
        if (plan.write === 'nothing') return { rows: 0, rejected: [], before: true }
        const due = plan.write === 'all' ? records : recordsFrom(records, plan.offset)
        const move = (client: PoolClient): Promise<boolean> =>
          database.ledger.move(client, key, position, range.nextOffset)
        const written = await this.writeOnce(due, { move, clusterId: key.clusterId })
        if (written !== undefined) {
          this.positions.set(id, range.nextOffset)
          database.ledger.confirm(
            key,
            range.nextOffset,
            position === undefined ? range.firstOffset : undefined,
          )
          return written
        }
        this.positions.delete(id)
        this.options.onPositionMoved?.()
      }
    } catch (error) {
      this.positions.delete(id)
      throw error
    }
  }

  private readPosition(key: LedgerKey): Promise<number | undefined> {
    const { database } = this.options
    return database.withClient('reading the ledger', (client) => database.ledger.read(client, key))
  }

  /** Writes records that no ledger vouches for; replayed dead letters that it has written before are left out. */
  async writeRecords(records: readonly WireRecord[]): Promise<Written> {
    const { replays } = this.options
    let due = records
    for (;;) {
      let before: readonly WireRecord[] = []
      const given = due
      const move = async (client: PoolClient): Promise<boolean> => {
        before = (await replays?.note(client, given)) ?? []
        return before.length === 0
      }
      const written = await this.writeOnce(given, { move, clusterId: undefined })
      if (written !== undefined) return written
      const gone = new Set(before)
      due = given.filter((record) => !gone.has(record))
    }
  }

  /** @returns undefined when the position was not where it had been read */
  private async writeOnce(
    records: readonly WireRecord[],
    position: PositionMove,
    partitionsForgotten = false,
  ): Promise<Written | undefined> {
    const { partitions } = this.options
    try {
      return await this.writeQuicklyOrCarefully(records, position)
    } catch (error) {
      const stale = error instanceof DatabaseError && error.missingPartition && partitions !== undefined
      if (!stale || partitionsForgotten) throw error
      partitions.forget()
      return this.writeOnce(records, position, true)
    }
  }

  private async writeQuicklyOrCarefully(
    records: readonly WireRecord[],
    position: PositionMove,
  ): Promise<Written | undefined> {
    let given = records
    let refused: RejectedRecord[] = []
    if (this.watchful > 0) {
      this.watchful--
      ;({ given, refused } = this.screen(records))
    }
    const rows = encodeRows(this.options.mapping, given)
    if (refused.length === 0 && rows.rejected.length === 0) {
      try {
        return await this.commit(rows, [], position, (client) =>
          this.writeRows(client, rows, 0, rows.copy.rows),
        )
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.kind !== 'data') throw error
      }
    }
    return this.writeCarefully(records, position)
  }

  private async writeCarefully(
    records: readonly WireRecord[],
    position: PositionMove,
  ): Promise<Written | undefined> {
    const { deadLetters, deliverRejected, mapping } = this.options
    let due = records
    const delivered: RejectedRecord[] = []
    for (;;) {
      const { given, refused } = this.screen(due)
      if (refused.length > 0) this.watchful = WATCHFUL_BATCHES
      const rows = encodeRows(mapping, given)
      const rejected = [...refused, ...rows.rejected]
      let found: readonly RejectedRecord[] = []
      const written = await this.commit(rows, rejected, position, async (client) => {
        const bad = await this.bisectRows(client, rows)
        rejected.push(...bad)
        assertNotTheTable(rejected, due.length)
        if (deadLetters === undefined && rejected.length > 0) throw new Undelivered()
      }).catch((error: unknown) => {
        if (!(error instanceof Undelivered)) throw error
        found = rejected
        return undefined
      })
      if (found.length === 0) return written && { ...written, rejected: [...delivered, ...written.rejected] }
      await deliverRejected(found)
      delivered.push(...found)
      const gone = new Set(found.map(({ record }) => record))
      due = due.filter((record) => !gone.has(record))
    }
  }

  private screen(records: readonly WireRecord[]): {
    given: readonly WireRecord[]
    refused: RejectedRecord[]
  } {
    const { columns, payloadType } = this.options.mapping
    if (!columns.some(({ source }) => source.kind === 'payload')) return { given: records, refused: [] }
    const refused: RejectedRecord[] = []
    const given = records.filter((record) => {
      const reason = refusedPayload(record.payload, payloadType)
      if (reason !== undefined) refused.push({ record, reason })
      return reason === undefined
    })
    return { given, refused }
  }

  /** The transaction. `rejected` may still grow in `write`. */
  private async commit(
    rows: EncodedRows,
    rejected: readonly RejectedRecord[],
    position: PositionMove,
    write: (client: PoolClient) => Promise<void>,
  ): Promise<Written | undefined> {
    const { database, table, partitions, deadLetters, refuser } = this.options
    if (rows.days.size > 0) await partitions?.ensure(rows.days)
    try {
      await database.transaction(`writing to "${table.table}"`, async (client) => {
        if (!(await position.move(client))) throw new PositionMoved()
        await write(client)
        if (deadLetters !== undefined && rejected.length > 0) {
          await writeDeadLetters(client, deadLetters, rejected, refuser, position.clusterId)
        }
      })
    } catch (error) {
      if (error instanceof PositionMoved) return undefined
      throw error
    }
    const bad = new Set(rejected.map(({ record }) => record))
    return { rows: rows.records.filter((record) => !bad.has(record)).length, rejected, before: false }
  }

  private async writeRows(client: PoolClient, rows: EncodedRows, from: number, to: number): Promise<void> {
    if (to > from) await this.options.writer.write(client, rows.copy.slice(from, to))
  }

  private async bisectRows(client: PoolClient, rows: EncodedRows): Promise<RejectedRecord[]> {
    const { table } = this.options
    const bad = await bisect<DatabaseError>(rows.copy.rows, async (from, to) => {
      await client.query('savepoint rows')
      try {
        await this.writeRows(client, rows, from, to)
        await client.query('release savepoint rows')
        return undefined
      } catch (thrown) {
        const error = asDatabaseError(thrown, `writing to "${table.table}"`)
        if (error.kind !== 'data') throw error
        await client.query('rollback to savepoint rows')
        return { error, row: error.row }
      }
    })
    return bad.map(({ index, error }) => ({
      record: rows.records[index] as WireRecord,
      reason: { code: error.sqlState, text: error.message },
    }))
  }
}

interface PositionMove {
  readonly move: (client: PoolClient) => Promise<boolean>
  readonly clusterId: string | undefined
}

/** Not for users: they end a transaction that shall not be committed. */
class PositionMoved extends PipelineError {
  constructor() {
    super('POSITION_MOVED', 'the ledger has moved', { retryable: true })
  }
}
class Undelivered extends PipelineError {
  constructor() {
    super('REJECTED_FIRST', 'rejected records have to be safe first', { retryable: true })
  }
}

/** @throws PipelineError when a record does not say which offset it had, so that nobody knows whether it is due */
function recordsFrom(records: readonly WireRecord[], offset: number): readonly WireRecord[] {
  return records.filter((record) => {
    const own = record.kafka?.offset
    if (typeof own === 'number') return own >= offset
    throw new PipelineError(
      'OFFSET_MISSING',
      `part of this batch is stored already, up to offset ${offset}, and a record in it has no kafka.offset that ` +
        'says whether it belongs to that part; let nodes on the way keep msg.kafka of every record',
      { retryable: false, statusText: 'records without kafka.offset' },
    )
  })
}

/** @throws DatabaseError of kind `configuration` when all rows were refused in the same way, and not one tenant's */
function assertNotTheTable(rejected: readonly RejectedRecord[], records: number): void {
  const first = rejected[0]
  if (first === undefined || rejected.length < Math.max(records, SUSPICIOUS_ROWS)) return
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
