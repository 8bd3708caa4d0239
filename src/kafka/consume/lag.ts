/** How far a consumer is behind: records in Kafka after the ones that were handed to the flow. */
import type { ConsumedBatch, TopicPartition } from '../driver'
import { partitionKey } from '../topic-partition'

export class Lag {
  private readonly byPartition = new Map<string, number>()
  /** In partitions that no member of the group reads. */
  unread = 0

  get total(): number {
    let lag = this.unread
    for (const behind of this.byPartition.values()) lag += behind
    return lag
  }

  note(batch: ConsumedBatch): void {
    this.byPartition.set(partitionKey(batch), Math.max(0, batch.highWatermark - batch.nextOffset))
  }

  /** The partition has another owner. */
  forget(partition: TopicPartition): void {
    this.byPartition.delete(partitionKey(partition))
  }
}
