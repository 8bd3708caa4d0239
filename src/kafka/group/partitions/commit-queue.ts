/**
 * Commits offsets without holding anyone up: one request at a time, and what arrives meanwhile goes out together
 * in the next one, the newest offset of each partition. The first goes out at once, and the next no sooner than an
 * interval later: a partition that becomes idle is committed by the end of it.
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
  private beganAtMs = -Infinity
  private isUrgent = false
  private wake: () => void = () => undefined

  /**
   * @param send     one request; may reject
   * @param onFailed told about each rejection; its offsets are given up (a later commit covers them)
   * @param everyMs  how far apart requests begin
   */
  constructor(
    private readonly send: (offsets: readonly PartitionOffset[]) => Promise<void>,
    private readonly onFailed: (error: unknown) => void,
    private readonly everyMs: number,
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

  /** What waits goes out as soon as the request that is under way has ended. */
  flush(): void {
    if (this.pending.size === 0) return
    this.isUrgent = true
    this.wake()
  }

  /** Sends what waits. Resolves when nothing does. */
  async idle(): Promise<void> {
    this.flush()
    await this.sending
  }

  private async drain(): Promise<void> {
    await Promise.resolve()
    while (this.pending.size > 0) {
      await this.interval()
      this.isUrgent = false
      // All that waited may have been dropped.
      if (this.pending.size === 0) break
      this.beganAtMs = performance.now()
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

  private async interval(): Promise<void> {
    const ms = this.beganAtMs + this.everyMs - performance.now()
    if (ms <= 0 || this.isUrgent) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
