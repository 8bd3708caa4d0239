/**
 * Commits offsets without holding anyone up: one request at a time, and what arrives meanwhile goes out together
 * in the next one, the newest offset of each partition.
 */
import type { TopicPartition } from '../../driver'
import { partitionKey } from '../../topic-partition'

export interface PartitionOffset extends TopicPartition {
  readonly offset: number
}

interface Pending extends PartitionOffset {
  readonly waiting: (() => void)[]
}

export class CommitQueue {
  private readonly pending = new Map<string, Pending>()
  private sending: Promise<void> | undefined

  /**
   * @param send     one request; may reject
   * @param onFailed told about each rejection; its offsets are given up (a later commit covers them)
   */
  constructor(
    private readonly send: (offsets: readonly PartitionOffset[]) => Promise<void>,
    private readonly onFailed: (error: unknown) => void,
  ) {}

  /** Resolves when this offset, or a later one of the partition, is committed or given up. Never rejects. */
  add({ topic, partition }: TopicPartition, offset: number): Promise<void> {
    const key = partitionKey({ topic, partition })
    const waiting = this.pending.get(key)?.waiting ?? []
    const done = new Promise<void>((resolve) => waiting.push(resolve))
    this.pending.set(key, { topic, partition, offset, waiting })
    this.sending ??= this.drain()
    return done
  }

  /** The partition has been revoked: what waits for it is given up. */
  drop(partition: TopicPartition): void {
    const key = partitionKey(partition)
    for (const resolve of this.pending.get(key)?.waiting ?? []) resolve()
    this.pending.delete(key)
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    await this.sending
  }

  private async drain(): Promise<void> {
    await Promise.resolve()
    while (this.pending.size > 0) {
      const batch = [...this.pending.values()]
      this.pending.clear()
      try {
        await this.send(batch.map(({ topic, partition, offset }) => ({ topic, partition, offset })))
      } catch (error) {
        this.onFailed(error)
      }
      for (const { waiting } of batch) for (const resolve of waiting) resolve()
    }
    this.sending = undefined
  }
}
