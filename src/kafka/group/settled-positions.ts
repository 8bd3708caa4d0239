/**
 * What the flow has settled, on its way into the consumer's own positions. They follow within a second, all partitions
 * together, because nothing waits for them: a start that is a second early costs time and no row.
 */
import { partitionKey } from '../topic-partition'
import type { TopicPartition } from '../driver'
import type { SettledOffset } from '../../wire/positions'

const FOLLOW_MS = 1_000

export class SettledPositions {
  private readonly settled = new Map<string, SettledOffset>()
  private timer: NodeJS.Timeout | undefined
  private moving: Promise<void> = Promise.resolve()
  private queued: Promise<void> | undefined
  private isClosed = false

  /** @param move rejects while the positions cannot be moved: it is tried again */
  constructor(private readonly move: (settled: readonly SettledOffset[]) => Promise<void>) {}

  note(settled: SettledOffset): void {
    if (this.isClosed) return
    this.settled.set(partitionKey(settled), settled)
    this.follow()
  }

  /** Not from what was settled before. */
  forget(partition: TopicPartition): void {
    this.settled.delete(partitionKey(partition))
  }

  forgetAll(): void {
    this.settled.clear()
  }

  /** Resolves when what is settled now has been moved, or could not be. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    this.queued ??= this.moving.then(() => {
      this.queued = undefined
      return this.moveAll()
    })
    this.moving = this.queued
    return this.queued
  }

  /** Moves the last, and stops. */
  async close(): Promise<void> {
    this.isClosed = true
    await this.flush()
  }

  private async moveAll(): Promise<void> {
    if (this.settled.size === 0) return
    const due = [...this.settled]
    this.settled.clear()
    try {
      await this.move(due.map(([, settled]) => settled))
    } catch {
      // The sinks meet the same outage, and say so.
      for (const [key, settled] of due) if (!this.settled.has(key)) this.settled.set(key, settled)
      this.follow()
    }
  }

  private follow(): void {
    if (!this.isClosed) this.timer ??= setTimeout(() => void this.flush(), FOLLOW_MS).unref()
  }
}
