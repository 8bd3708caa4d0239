/**
 * Finds where a partition begins that was just assigned, however long it takes. Nothing is handed out before the start is
 * known, is in the partition, and is committed.
 */
import { backoffMs } from '../../../time/backoff'
import type { PipelineError } from '../../../wire/errors'
import type { ConsumerOptions, OffsetRange, PartitionStop, StartAt } from '../../driver'
import { partitionKey } from '../../topic-partition'
import type { OffsetLookup } from '../offset-lookup'
import { findLoss } from './offset-loss'
import { alsoDone, type OwnedPartition, type Witness } from './owned-partition'
import type { PartitionCommits } from './partition-commits'

const START_BACKOFF = { initialMs: 200, maxMs: 5_000 }

/** Questions to Kafka. */
export type Offsets = Pick<OffsetLookup, 'committed' | 'range' | 'resolve'>

export interface PartitionStartOptions {
  readonly consumer: Pick<ConsumerOptions, 'startOffset' | 'onBegin'>
  readonly offsets: Offsets
  readonly past: ReadonlyMap<string, OwnedPartition>
  readonly commits: PartitionCommits
  readonly rest: (attempt: number) => Promise<void>
  readonly translate: (error: unknown) => PipelineError
  readonly onProblem: (part: string, problem: PipelineError | undefined) => void
}

export interface FoundStart {
  readonly offset: number
  /** Why it cannot begin there. */
  readonly stop: PartitionStop | undefined
}

export class PartitionStart {
  constructor(private readonly options: PartitionStartOptions) {}

  /** @returns `undefined` when the partition was taken away meanwhile */
  async find(own: OwnedPartition): Promise<FoundStart | undefined> {
    const { reader } = own
    const { onProblem, past, translate } = this.options
    const key = partitionKey(reader.partition)
    const before = past.get(key)
    await before?.outstanding
    for (let attempt = 1; !reader.isRevoked; attempt++) {
      try {
        const start = await this.attempt(own, before)
        return reader.isRevoked ? undefined : start
      } catch (error) {
        if (reader.isRevoked) return undefined
        onProblem(key, translate(error))
        await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt, START_BACKOFF)))
      }
    }
    return undefined
  }

  private async attempt(own: OwnedPartition, before: OwnedPartition | undefined): Promise<FoundStart> {
    const { reader } = own
    const { partition } = reader
    const { consumer, offsets, rest } = this.options
    own.committed = await offsets.committed(partition)
    const start = await consumer.startOffset(partition, alsoDone(own.committed, before))
    if (typeof start === 'object' && 'stop' in start) {
      return { offset: start.stop.nextOffset, stop: start.stop }
    }
    const range = await offsets.range(partition)
    const offset = await offsets.resolve(partition, start, range)
    const loss = await findLoss(reader, offset, range, () => offsets.range(partition), rest, reachedBy(start))
    if (loss !== undefined) return { offset, stop: { ...loss, settled: offset } }
    await consumer.onBegin?.(partition, offset)
    await this.pin(own, offset)
    own.witness = witnessOf(start, range)
    return { offset, stop: undefined }
  }

  /**
   * Commits a start that the group has not committed, before anything is handed out. A sink that has never written has no
   * other position, and "latest" and a time mean the first start: a crash before the first commit must not skip anything.
   */
  private async pin(own: OwnedPartition, offset: number): Promise<void> {
    const { commits, rest } = this.options
    for (let attempt = 1; own.committed === undefined && !own.reader.isRevoked; attempt++) {
      await commits.addNow(own.reader.partition, offset)
      if (own.committed === undefined) await rest(attempt)
    }
  }
}

function witnessOf(start: StartAt, { earliest }: OffsetRange): Witness | undefined {
  if (typeof start !== 'object' || !('offset' in start) || start.lastTimestamp === undefined) return undefined
  const offset = start.offset - 1
  return offset < earliest ? undefined : { offset, timestamp: start.lastTimestamp, misses: 0 }
}

function reachedBy(start: StartAt): number | undefined {
  return typeof start === 'object' && 'offset' in start ? start.reached : undefined
}
