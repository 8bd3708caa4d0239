/**
 * One attempt to write records: rows, dead letters and, where there is one, the position in the ledger, in a single
 * transaction. `table-sink.ts` calls it again after a transient error.
 *
 * Rows are written in one statement per table. When PostgreSQL refuses one of them, the transaction is rolled back and
 * `careful-writer.ts` finds out which. A batch with a record of a tenant that has sent much rubbish goes there at once.
 */
import type { PoolClient } from 'pg'
import type { WireRecord } from '../../wire/message'
import { DatabaseError } from '../connect/database-error'
import { EachAlone, type PositionMove } from '../ledger/position-move'
import { isOfGoodRecord, type RejectedRecord } from '../rows/rejected'
import { mayBeRow, writeRows, type EncodedPart } from '../write/part-writer'
import { CarefulWriter, type CarefulWay, type CarefulWriterOptions } from './careful-writer'
import { encodeParts } from './encode-parts'
import { commitBatch, type StoredParts, type Written } from './transaction'

/** After a batch with bad payloads, this many batches are screened before they are written. */
const WATCHFUL_BATCHES = 20

export class RecordWriter {
  private watchful = 0
  private readonly careful: CarefulWriter

  constructor(private readonly options: CarefulWriterOptions) {
    this.careful = new CarefulWriter(options)
  }

  /**
   * @returns undefined when another process has moved the position
   * @throws PipelineError; retryable: call again
   */
  async write(
    records: readonly WireRecord[],
    position: PositionMove,
    partitionsForgotten = false,
  ): Promise<Written | undefined> {
    try {
      return await this.writeOnce(records, position)
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      this.options.earlier.noteFailed(records, error)
      if (!error.missingPartition || partitionsForgotten) throw error
      if (!this.options.targets.forgetPartitions()) throw error
      return this.write(records, position, true)
    }
  }

  /**
   * Writes the records of several ranges in one transaction.
   * @returns undefined when another process has moved one of the positions
   * @throws EachAlone when there is something about them that needs care
   * @throws PipelineError, also when it is a row that was refused
   */
  async writeTogether(records: readonly WireRecord[], positions: PositionMove): Promise<Written | undefined> {
    const { breakers, refusals } = this.options
    if (this.watchful > 0 || records.some(({ tenant }) => breakers.isOpen(tenant))) throw new EachAlone()
    const { parts, rejected, failures } = await encodeParts(this.options, records, undefined, false)
    if (rejected.length > 0 || failures.length > 0) throw new EachAlone()
    const batch = { records, rejected, delivered: 0, parts, position: positions }
    const written = await commitBatch(this.options, batch, (client) => writeAll(client, parts))
    if (written !== undefined) refusals.note(records, [])
    return written
  }

  private async writeOnce(
    records: readonly WireRecord[],
    position: PositionMove,
  ): Promise<Written | undefined> {
    const { breakers, refusals, targets } = this.options
    const begunUnder = refusals.current
    const carefully = (way: Partial<CarefulWay> = {}): Promise<Written | undefined> =>
      this.writeCarefully(records, position, { screensAll: true, begunUnder, ...way })
    const isWatchful = this.watchful > 0
    if (isWatchful) this.watchful--
    if (records.some(({ tenant }) => breakers.isOpen(tenant))) return carefully({ screensAll: isWatchful })
    const { parts, rejected, failures } = await encodeParts(this.options, records, undefined, isWatchful)
    if (rejected.length > 0 || failures.length > 0) return carefully()
    let writing: EncodedPart | undefined
    try {
      const batch = { records, rejected, delivered: 0, parts, position }
      const written = await commitBatch(this.options, batch, (client) =>
        writeAll(client, parts, (part) => (writing = part)),
      )
      if (written !== undefined) refusals.note(records, [])
      return written
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      const failed = writing && { records: writing.rows.records, error }
      if (error.kind === 'data') return carefully({ failed })
      const shared = writing?.tenant === undefined ? writing?.target : undefined
      if (shared !== undefined && mayBeRow(error, shared, this.options.earlier.patienceWith(records))) {
        return carefully({ failed })
      }
      if (writing?.tenant === undefined || !targets.isOwnFault(writing.target, error)) throw error
      targets.noteFailed(writing.tenant, error)
      return carefully()
    }
  }

  private async writeCarefully(
    records: readonly WireRecord[],
    position: PositionMove,
    way: CarefulWay,
  ): Promise<Written | undefined> {
    const written = await this.careful.write(records, position, way)
    if (written !== undefined) this.remember(records, written.rejected)
    return written
  }

  private remember(records: readonly WireRecord[], rejected: readonly RejectedRecord[]): void {
    const { breakers, refusals } = this.options
    refusals.note(records, rejected)
    const bad = new Set(rejected.filter(({ reason }) => !isOfGoodRecord(reason)).map(({ record }) => record))
    if ([...bad].some(({ tenant }) => !breakers.isOpen(tenant))) this.watchful = WATCHFUL_BATCHES
    breakers.note(records, (record) => bad.has(record))
  }
}

/** @param onPart hears which part is being written, and `undefined` after the last */
async function writeAll(
  client: PoolClient,
  parts: readonly EncodedPart[],
  onPart: (part: EncodedPart | undefined) => void = () => undefined,
): Promise<StoredParts> {
  let rows = 0
  for (const part of parts) {
    onPart(part)
    rows += await writeRows(client, part, 0, part.rows.copy.rows)
  }
  onPart(undefined)
  return { parts, rows }
}
