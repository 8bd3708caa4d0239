/** Which partition a record goes to: by its key, or, without one, where the batch of its topic is being filled. */
import { RecentMap } from '../../runtime/recent-map'
import { partitionOfKey } from './murmur2'
import type { AddressedRecord } from './record'
import { StickyPartition } from './sticky-partition'

/** Topics with records without a key. */
const MAX_STICKY = 1_000

export class Partitioner {
  /** Forgetting one costs a smaller batch. */
  private readonly sticky = new RecentMap<string, StickyPartition>(MAX_STICKY)

  constructor(private readonly random: () => number) {}

  partitionOf({ topic, key, bytes }: AddressedRecord, partitions: number): number {
    return key === null ? this.stickyOf(topic).next(bytes, partitions) : partitionOfKey(key, partitions)
  }

  private stickyOf(topic: string): StickyPartition {
    let sticky = this.sticky.get(topic)
    if (sticky === undefined) {
      sticky = new StickyPartition(Math.floor(this.random() * 1000))
      this.sticky.set(topic, sticky)
    }
    return sticky
  }
}
