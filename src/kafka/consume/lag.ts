/** How far a consumer is behind: records in Kafka after the ones that were handed to the flow. */
import type { ConsumedBatch, TopicPartition } from '../driver'
import { partitionKey } from '../topic-partition'

export class Lag {
  private readonly byPartition = new Map<string, number>()
  /** The offset after what was handed over. */
  private readonly next = new Map<string, number>()
  /** When Kafka got the last record that was handed over. */
  private readonly lastMs = new Map<string, number>()
  /** In partitions that no member of the group reads. */
  unread = 0

  get total(): number {
    let lag = this.unread
    for (const behind of this.byPartition.values()) lag += behind
    return lag
  }

  /** Age of the last record that was handed over, of the partition that is furthest behind; 0 without lag. */
  ageMs(nowMs: number): number {
    let age = 0
    for (const [key, lag] of this.byPartition) {
      if (lag > 0) age = Math.max(age, nowMs - (this.lastMs.get(key) ?? nowMs))
    }
    return age
  }

  note(batch: ConsumedBatch): void {
    const key = partitionKey(batch)
    this.byPartition.set(key, Math.max(0, batch.highWatermark - batch.nextOffset))
    this.next.set(key, batch.nextOffset)
    const last = batch.records.at(-1)
    if (last !== undefined) this.lastMs.set(key, last.timestamp)
  }

  /** Kafka has records up to here by now. */
  noteEnd(partition: TopicPartition, latest: number): void {
    const key = partitionKey(partition)
    const next = this.next.get(key)
    if (next !== undefined) this.byPartition.set(key, Math.max(0, latest - next))
  }

  /** The partition has another owner. */
  forget(partition: TopicPartition): void {
    this.byPartition.delete(partitionKey(partition))
    this.lastMs.delete(partitionKey(partition))
    this.next.delete(partitionKey(partition))
  }
}
