/**
 * Asks Kafka now and then how far partitions are whose batch stays in the flow: one batch of a partition is in the flow at a
 * time, so nothing of it is fetched meanwhile, and its lag would look as it did before the outage.
 */
import type { OffsetRange, TopicPartition } from '../driver'

const EVERY_MS = 10_000
/** At a time; of more, others the next time. */
const MAX_ASKED = 20

export interface LagWatchOptions {
  readonly ask: (partition: TopicPartition) => Promise<OffsetRange>
  /** @param latest the offset after the last record in Kafka */
  readonly onEnd: (partition: TopicPartition, latest: number) => void
}

export class LagWatch {
  private dueMs = -Infinity
  private isAsking = false
  private first = 0

  constructor(private readonly options: LagWatchOptions) {}

  /** Call it about once a second. @param stalled partitions whose batch has been in the flow for long */
  look(nowMs: number, stalled: readonly TopicPartition[]): void {
    if (this.isAsking || nowMs < this.dueMs || stalled.length === 0) return
    this.dueMs = nowMs + EVERY_MS
    this.isAsking = true
    const first = this.first % stalled.length
    this.first = first + MAX_ASKED
    const inTurn = [...stalled.slice(first), ...stalled.slice(0, first)].slice(0, MAX_ASKED)
    void this.askFor(inTurn).finally(() => (this.isAsking = false))
  }

  /** Never rejects. While Kafka does not answer, the status says so. */
  private async askFor(partitions: readonly TopicPartition[]): Promise<void> {
    const { ask, onEnd } = this.options
    for (const partition of partitions) {
      try {
        onEnd(partition, (await ask(partition)).latest)
      } catch {
        return
      }
    }
  }
}
