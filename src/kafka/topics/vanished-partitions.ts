/**
 * Tells when a topic was created again with fewer partitions. A broker that has just started, or has not heard of new
 * partitions, names fewer as well; so a smaller number counts only when it was the answer for a while.
 */
import { RecentMap } from '../../runtime/recent-map'

const CONFIRM_MS = 5_000
/** Topics that shrink at the same time; of one that is forgotten it takes longer to notice. */
const MAX_TOPICS = 1_000

export class VanishedPartitions {
  /** By topic: since when the number is too small. */
  private readonly since = new RecentMap<string, number>(MAX_TOPICS)

  /** @param nowMs monotonic */
  constructor(private readonly nowMs: () => number) {}

  /** @param partitions how many the topic has, as Kafka says now */
  isGone(topic: string, partition: number, partitions: number): boolean {
    if (partition < partitions) {
      this.since.delete(topic)
      return false
    }
    const since = this.since.get(topic) ?? this.nowMs()
    if (this.nowMs() - since < CONFIRM_MS) {
      this.since.set(topic, since)
      return false
    }
    this.since.delete(topic)
    return true
  }
}
