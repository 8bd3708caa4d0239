/**
 * What happens when a fetch does not bring what comes next: it began elsewhere, it cannot be read, or Kafka has refused
 * it. The partition rests, and is fetched from its position again; or it stops, because records may be lost.
 */
import type { PipelineError } from '../../../wire/errors'
import { partitionKey } from '../../topic-partition'
import { otherTopic, unreadableAt } from '../partition-errors'
import type { Fetching } from './fetching'
import { findLoss, type OffsetLoss } from './offset-loss'
import type { OwnedPartition } from './owned-partition'
import type { PartitionCommits } from './partition-commits'
import type { FetchedRange } from './partition-reader'
import type { Offsets } from './partition-start'

/** What cannot be read is fetched this often, in case it was damaged on the way; then the partition stops. */
const READ_ATTEMPTS = 5

export interface FetchRecoveryOptions {
  readonly fetching: Fetching
  readonly commits: PartitionCommits
  readonly offsets: Pick<Offsets, 'range'>
  readonly rest: (attempt: number) => Promise<void>
  readonly translate: (error: unknown) => PipelineError
  readonly onProblem: (part: string, problem: PipelineError | undefined) => void
}

export class FetchRecovery {
  constructor(private readonly options: FetchRecoveryOptions) {}

  /**
   * The first fetch begins one record early, and is compared with what was read there: a topic that was created again and
   * has outgrown the position looks sound otherwise. A record that is gone says nothing.
   * @returns false when the range is not to be taken
   */
  passesWitness(own: OwnedPartition, { fetchedOffset, nextOffset, records }: FetchedRange): boolean {
    const { reader, witness } = own
    if (witness === undefined || !reader.isReading) return true
    const { fetching } = this.options
    const isSeen = fetchedOffset === witness.offset
    if (isSeen || ++witness.misses > READ_ATTEMPTS) own.witness = undefined
    if (!isSeen) {
      fetching.seek(own)
      return false
    }
    const [record] = records
    if (record?.offset === witness.offset && record.timestamp !== witness.timestamp) {
      const offset = reader.position
      const problem = otherTopic(reader.partition, offset)
      fetching.stop(own, { problem, nextOffset: offset, settled: offset, end: 0 })
      return false
    }
    if (nextOffset > reader.position) return true
    fetching.seek(own)
    return false
  }

  /**
   * The client has fetched from elsewhere than the position: a `seek` came too late for it, or Kafka has refused the
   * position. Goes back there if Kafka has it, else stops the partition.
   */
  async examine(own: OwnedPartition): Promise<void> {
    const { reader } = own
    const { commits, fetching, onProblem, rest } = this.options
    if (own.isResting) return
    own.witness = undefined
    own.isResting = true
    own.astray++
    fetching.balance()
    if (own.astray > 1) await rest(own.astray - 1)
    const loss = await this.lossOf(own)
    if (!reader.isRevoked) onProblem(partitionKey(reader.partition), undefined)
    if (reader.isReading) {
      // The client may have committed the offset it has jumped to; a restart must not begin there.
      void commits.addNow(reader.partition, own.doneTo ?? reader.settled)
      if (loss !== undefined) fetching.stop(own, { ...loss, settled: reader.settled })
    }
    this.goBack(own)
  }

  /** What comes next cannot be read: fetches it again after a pause, and stops the partition when that does not help. */
  readAgain(own: OwnedPartition, reason: string): void {
    const { reader } = own
    if (!reader.isReading || own.isResting) return
    // What was fetched before it is handed out first.
    if (own.outstanding === undefined && reader.waitingBytes === 0) own.unreadable++
    if (own.unreadable >= READ_ATTEMPTS) {
      const { position, settled } = reader
      const problem = unreadableAt(reader.partition, position, reason)
      return this.options.fetching.stop(own, { problem, nextOffset: position, settled, end: undefined })
    }
    this.rest(own, Math.max(1, own.unreadable))
  }

  /** A refusal is answered at once: without a pause it would be asked for without end. */
  onRefused(own: OwnedPartition): void {
    if (!own.isResting) this.rest(own, ++own.refusals)
  }

  private async lossOf({ reader }: OwnedPartition): Promise<OffsetLoss | undefined> {
    const { offsets, onProblem, rest, translate } = this.options
    const ask = () => offsets.range(reader.partition)
    for (let attempt = 1; reader.isReading; attempt++) {
      try {
        return await findLoss(reader, reader.position, await ask(), ask, rest)
      } catch (error) {
        if (!reader.isRevoked) onProblem(partitionKey(reader.partition), translate(error))
        await rest(attempt)
      }
    }
    return undefined
  }

  private rest(own: OwnedPartition, attempt: number): void {
    own.isResting = true
    this.options.fetching.balance()
    void this.options.rest(attempt).then(() => this.goBack(own))
  }

  private goBack(own: OwnedPartition): void {
    const { fetching } = this.options
    own.isResting = false
    if (!fetching.owns(own)) return
    fetching.seek(own)
    fetching.balance()
  }
}
