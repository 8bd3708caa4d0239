/**
 * Who reads which partitions of a group, so that each partition stays with its member when it can: a partition that
 * moves is read from the ledger again, and what its last owner had in the flow is given up.
 *
 * Every member keeps what it has; what no member has goes to the one with the fewest; then those that have too many give to
 * those that have too few, one by one, until no two of them that can give to each other, also by way of others, differ by
 * more than one. A pure function: each member's result depends on nothing but the arguments, whatever their order.
 */
import { partitionKey } from '../topic-partition'
import type { TopicPartition } from '../driver'

export interface GroupMember {
  readonly id: string
  /** Topics that it has subscribed to; it is given no others. */
  readonly topics: readonly string[]
  /** Partitions that it has had until now, as it says itself. */
  readonly owned: readonly TopicPartition[]
}

/** @returns the partitions of each member, by its id; those of topics without a subscriber are left out */
export function stickyAssignment(
  members: readonly GroupMember[],
  partitions: readonly TopicPartition[],
): Map<string, TopicPartition[]> {
  const sorted = [...members].sort((a, b) => compare(a.id, b.id))
  const shares = sorted.map(({ id, topics }) => new Share(id, new Set(topics)))
  const free = new Map([...partitions].sort(byPlace).map((each) => [partitionKey(each), each]))
  sorted.forEach(({ owned }, index) => {
    for (const each of owned) {
      const partition = free.get(partitionKey(each))
      // Of two that say they have it, the first keeps it.
      if (partition !== undefined && shares[index]?.takes(partition) === true) {
        shares[index].partitions.push(partition)
        free.delete(partitionKey(each))
      }
    }
  })
  for (const partition of free.values()) smallest(shares, partition)?.partitions.push(partition)
  level(shares)
  return new Map(shares.map(({ id, partitions: given }) => [id, given.sort(byPlace)]))
}

class Share {
  readonly partitions: TopicPartition[] = []

  constructor(
    readonly id: string,
    private readonly topics: ReadonlySet<string>,
  ) {}

  takes({ topic }: TopicPartition): boolean {
    return this.topics.has(topic)
  }
}

/** The one with the fewest partitions, of those that would take this one. */
function smallest(shares: readonly Share[], partition: TopicPartition): Share | undefined {
  let least: Share | undefined
  for (const share of shares) {
    if (share.takes(partition) && share.partitions.length < (least?.partitions.length ?? Infinity))
      least = share
  }
  return least
}

/** Always from the member with the most. Each time the shares differ less, so it ends. */
function level(shares: readonly Share[]): void {
  const byCount = [...shares]
  do byCount.sort((a, b) => b.partitions.length - a.partitions.length || compare(a.id, b.id))
  while (byCount.some((from) => giveOne(from, byCount)))
}

interface Gift {
  readonly from: Share
  readonly partition: TopicPartition
}

/**
 * Looks for the nearest member that has too few, and passes one partition on to it: by way of others when it reads no
 * topic of which this one has something.
 */
function giveOne(giver: Share, byCount: readonly Share[]): boolean {
  const gifts = new Map<Share, Gift | undefined>([[giver, undefined]])
  const seen = new Set<string>()
  for (const from of gifts.keys()) {
    for (const partition of [...from.partitions].reverse()) {
      // Who takes one partition of a topic takes any of them.
      if (seen.has(partition.topic)) continue
      seen.add(partition.topic)
      for (const to of [...byCount].reverse()) {
        if (gifts.has(to) || !to.takes(partition)) continue
        gifts.set(to, { from, partition })
        if (to.partitions.length + 2 > giver.partitions.length) continue
        passOn(to, gifts)
        return true
      }
    }
  }
  return false
}

function passOn(last: Share, gifts: ReadonlyMap<Share, Gift | undefined>): void {
  let to = last
  for (let gift = gifts.get(to); gift !== undefined; gift = gifts.get(to)) {
    const { from, partition } = gift
    from.partitions.splice(from.partitions.indexOf(partition), 1)
    to.partitions.push(partition)
    to = from
  }
}

function byPlace(a: TopicPartition, b: TopicPartition): number {
  return compare(a.topic, b.topic) || a.partition - b.partition
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
