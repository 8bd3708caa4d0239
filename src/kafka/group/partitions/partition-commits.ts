/** Commits what is finished, and knows what of it Kafka has taken: a commit may be refused for some of its partitions. */
import type { PipelineError } from '../../../wire/errors'
import type { TopicPartition } from '../../driver'
import { partitionKey } from '../../topic-partition'
import { CommitQueue, type PartitionOffset } from './commit-queue'
import type { OwnedPartition } from './owned-partition'
import type { PartitionAnswer } from './refused-partitions'

export class PartitionCommits {
  private readonly queue: CommitQueue
  /** Keys of what the commit that is under way was refused for. */
  private readonly refused = new Set<string>()

  /**
   * @param send      one request; may reject
   * @param onProblem the error of the last commit, `undefined` when it succeeded
   * @param everyMs   see `CommitQueue`
   */
  constructor(
    private readonly owned: ReadonlyMap<string, OwnedPartition>,
    private readonly send: (offsets: readonly PartitionOffset[]) => Promise<void>,
    translate: (error: unknown) => PipelineError,
    private readonly onProblem: (problem: PipelineError | undefined) => void,
    everyMs: number,
  ) {
    this.queue = new CommitQueue(
      (offsets) => this.commit(offsets),
      (error) => onProblem(translate(error)),
      everyMs,
    )
  }

  get hasRefused(): boolean {
    return this.refused.size > 0
  }

  /** Resolves when this offset, or a later one of the partition, is committed or given up. Never rejects. */
  add(partition: TopicPartition, offset: number): Promise<void> {
    return this.queue.add(partition, offset)
  }

  /** The same, without waiting for the interval. */
  addNow(partition: TopicPartition, offset: number): Promise<void> {
    const done = this.queue.add(partition, offset)
    this.queue.flush()
    return done
  }

  /** What is done is committed now. */
  flush(): void {
    this.queue.flush()
  }

  /** The partition has been revoked: what waits for it is given up. */
  drop(partition: TopicPartition): void {
    this.queue.drop(partition)
  }

  /** Resolves when nothing waits. */
  idle(): Promise<void> {
    return this.queue.idle()
  }

  /** Kafka has answered the commit that is under way. */
  onAnswer({ partition, error }: PartitionAnswer): void {
    if (error === undefined) this.refused.delete(partitionKey(partition))
    else this.refused.add(partitionKey(partition))
  }

  private async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    this.refused.clear()
    await this.send(offsets)
    for (const partition of offsets) {
      const key = partitionKey(partition)
      const own = this.owned.get(key)
      if (own !== undefined && !this.refused.has(key)) own.committed = partition.offset
    }
    this.onProblem(undefined)
  }
}
