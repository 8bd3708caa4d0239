/**
 * Writes batches exactly once: the position in the ledger moves in the transaction of the rows (`record-writer.ts`). A
 * position that has moved meanwhile means that another process has written: roll back, read the ledger again.
 */
import type { PoolClient } from 'pg'
import { PipelineError } from '../../wire/errors'
import type { KafkaRange, WireRecord } from '../../wire/message'
import type { Ledger } from '../ledger/ledger'
import type { LedgerKey } from '../ledger/position'
import { EachAlone, jointMove, ledgerMove, noLedger, type RangeMove } from '../ledger/position-move'
import type { ReplayMarks } from '../replay/replay-marks'
import type { CarefulWriterOptions } from './careful-writer'
import type { RangeWrite } from './joint-ranges'
import { RecordWriter } from './record-writer'
import type { Written } from './transaction'

export interface BatchWriterOptions extends CarefulWriterOptions {
  readonly ledger: Ledger
  /** Where replayed dead letters are noted; `undefined` when the table's key recognizes them. */
  readonly replays?: ReplayMarks | undefined
  /** Another process has written the same records. */
  readonly onPositionMoved?: () => void
}

export class BatchWriter {
  private readonly writer: RecordWriter

  constructor(private readonly options: BatchWriterOptions) {
    this.writer = new RecordWriter(options)
  }

  /**
   * Writes the records of a range of Kafka's offsets, exactly once.
   * @param isLate its delivery is over: it is written unless a later range has moved the position past it
   * @throws RangeSuperseded when the consumer has started the partition again since
   * @throws LedgerRewound when records before this range have to be written again first
   * @throws PipelineError; retryable: call again, also after a `COMMIT` whose outcome is unknown
   */
  async writeRange(
    key: LedgerKey,
    range: KafkaRange,
    records: readonly WireRecord[],
    isLate = false,
  ): Promise<Written> {
    const { memory, table } = this.options.ledger
    try {
      for (;;) {
        const plan = await this.options.ledger.plan(key, range)
        if (isLate && plan.write !== 'all') throw lateCopy()
        if (plan.write === 'nothing') return { rows: 0, rejected: [], before: true }
        const due = plan.write === 'all' ? records : recordsFrom(records, plan.offset)
        const written = await this.writer.write(due, ledgerMove(table, key, range, plan.position, due))
        if (written !== undefined) {
          memory.confirm(key, range.nextOffset)
          return written
        }
        memory.doubt(key)
        this.options.onPositionMoved?.()
      }
    } catch (error) {
      memory.doubt(key)
      throw error
    }
  }

  /**
   * Writes ranges of several partitions in one transaction.
   * @returns the outcome of each; `undefined`: none was written, or that is not known, and each has to be written alone
   */
  async writeTogether(writes: readonly RangeWrite[]): Promise<readonly Written[] | undefined> {
    const { ledger, onPositionMoved } = this.options
    try {
      const moves: RangeMove[] = []
      for (const { key, range, records } of writes) {
        const { write, position } = await ledger.plan(key, range)
        if (write !== 'all') return undefined
        moves.push({
          key,
          move: ledgerMove(ledger.table, key, range, position, records),
          rows: records.length,
        })
      }
      const together = writes.flatMap(({ records }) => records)
      if ((await this.writer.writeTogether(together, jointMove(moves))) !== undefined) {
        for (const { key, range } of writes) ledger.memory.confirm(key, range.nextOffset)
        return writes.map(({ records }) => ({ rows: records.length, rejected: [], before: false }))
      }
      onPositionMoved?.()
    } catch (error) {
      // Nothing was written, for certain: the positions need not be read again.
      if (error instanceof EachAlone) return undefined
      // Written alone, each says what is wrong with it.
    }
    for (const { key } of writes) ledger.memory.doubt(key)
    return undefined
  }

  /** Writes records without a position in the ledger, except replayed dead letters that it has written before. */
  async writeRecords(records: readonly WireRecord[]): Promise<Written> {
    const { replays } = this.options
    const lane = String(records[0]?.kafka?.topic ?? '')
    let due = records
    for (;;) {
      let before: readonly WireRecord[] = []
      const given = due
      const mayWrite = async (client: PoolClient): Promise<boolean> => {
        before = (await replays?.note(client, given)) ?? []
        return before.length === 0
      }
      const written = await this.writer.write(given, noLedger(lane, mayWrite))
      if (written !== undefined) return written
      const gone = new Set(before)
      due = given.filter((record) => !gone.has(record))
    }
  }
}

/** A message that arrives after its delivery ended, and can no longer be stored exactly once. */
export function lateCopy(): PipelineError {
  return new PipelineError(
    'LATE_COPY',
    'this message arrived after its delivery had ended, and later records of its partition are stored already: a node ' +
      'on the way has kept it without reporting it. It was not stored. A Function node that sends from a callback has ' +
      'to call node.done() after it',
    { retryable: false, status: 'messageTooLate' },
  )
}

/** @throws PipelineError when a record does not say which offset it had: it may be stored already */
function recordsFrom(records: readonly WireRecord[], offset: number): readonly WireRecord[] {
  return records.filter((record) => {
    const own = record.kafka?.offset
    if (typeof own === 'number') return own >= offset
    throw new PipelineError(
      'OFFSET_MISSING',
      `part of this batch is stored already, up to offset ${offset}, and a record in it has no kafka.offset that ` +
        'says whether it belongs to that part; let nodes on the way keep msg.kafka of every record',
      { retryable: false, status: 'noOffset' },
    )
  })
}
