/**
 * Where a consumer starts in each partition, and how far the flow has settled it: in the ledger, where sinks keep
 * theirs, and in the numbers by which a sink tells a range of this assignment from an older one.
 */
import { MAX_PARTITIONS, RecentMap } from '../../runtime/recent-map'
import type { PipelineError } from '../../wire/errors'
import type { ConsumedBatch, StartAt, TopicPartition } from '../driver'
import { partitionKey } from '../topic-partition'
import { SettledPositions } from '../group/settled-positions'
import type { PositionStore } from '../../wire/positions'
import { startPosition } from '../group/start-position'

/** Of all consumers in this process: each partition that one of them is given has a number of its own. */
let assignments = 0

export interface SourcePositionsOptions {
  readonly group: string
  /** Where to start when no position is known. */
  readonly start: StartAt
  /** `undefined`: only Kafka's committed offsets count. */
  readonly store: PositionStore | undefined
  /** Rejects while Kafka cannot be asked. */
  readonly askClusterId: () => Promise<string>
  /** The store has lost positions that it had confirmed. */
  readonly onRewound: (problem: PipelineError) => void
}

export class SourcePositions {
  private readonly settled: SettledPositions
  private readonly release: (() => void) | undefined
  /** The number of the assignment with which a partition is read now. */
  private readonly assignmentByPartition = new RecentMap<string, number>(MAX_PARTITIONS)
  private knownClusterId: string | undefined

  constructor(private readonly options: SourcePositionsOptions) {
    const { store, group, onRewound } = options
    this.settled = new SettledPositions(async (settled) => {
      const { clusterId } = this
      if (clusterId !== undefined) await store?.settle({ clusterId, group }, settled)
    })
    this.release = store?.onRewound((query, problem) => {
      if (query.group === group && query.clusterId === this.clusterId) onRewound(problem)
    })
  }

  /** Known since the first partition was assigned. */
  get clusterId(): string | undefined {
    return this.knownClusterId
  }

  assignmentOf(partition: TopicPartition): number | undefined {
    return this.assignmentByPartition.get(partitionKey(partition))
  }

  /** The partition was assigned: where to start, under a new number. Rejects while the ledger or Kafka cannot be asked. */
  async startOffset(partition: TopicPartition, committed: number | undefined): Promise<StartAt> {
    const { group, start, store, askClusterId } = this.options
    const assignment = ++assignments
    this.assignmentByPartition.set(partitionKey(partition), assignment)
    await this.forgetSettled(partition)
    const clusterId = (this.knownClusterId ??= await askClusterId())
    const ledger = store && { clusterId: () => Promise.resolve(clusterId), store }
    return startPosition({ partition, assignment, group, committed, otherwise: start, ledger })
  }

  /** The partition begins here, and nothing of it was handed out yet. */
  async begin(partition: TopicPartition, offset: number): Promise<void> {
    const { clusterId, options } = this
    if (clusterId !== undefined)
      await options.store?.begin({ clusterId, group: options.group, ...partition }, offset)
  }

  /** The flow is done with everything of the partition before this offset. */
  settle(batch: ConsumedBatch, nextOffset: number, assignment: number | undefined): void {
    // A partition that has begun again may have gone back, before what was settled then.
    if (this.options.store === undefined || assignment !== this.assignmentOf(batch)) return
    const { topic, partition, records } = batch
    const last = records.at(-1)
    const lastTimestamp = last?.offset === nextOffset - 1 ? last.timestamp : undefined
    this.settled.note({ topic, partition, offset: nextOffset, lastTimestamp })
  }

  /** The user has decided where a stopped partition continues. @throws PipelineError while the ledger cannot be asked */
  async move(clusterId: string, partition: TopicPartition, offset: number, end: number): Promise<void> {
    const { group, store } = this.options
    await store?.release({ clusterId, group, ...partition }, offset, end)
  }

  /** Moves the positions up to what is settled; what cannot be moved any more is left out, so it is read again. */
  async forgetSettled(partition: TopicPartition): Promise<void> {
    await this.flush()
    this.settled.forget(partition)
  }

  forgetAllSettled(): void {
    this.settled.forgetAll()
  }

  /** Resolves when what is settled now has been moved, or could not be. */
  flush(): Promise<void> {
    return this.settled.flush()
  }

  stopWatching(): void {
    this.release?.()
  }

  /** Moves the last, and stops. */
  close(): Promise<void> {
    return this.settled.close()
  }
}
