/**
 * From which partitions the client fetches, and from where. A partition is paused while enough of it is waiting; all of
 * them are, but for those that the flow is waiting for, while too much is waiting altogether.
 */
import type { ConsumerOptions, PartitionStop, TopicPartition } from '../../driver'
import { partitionKey } from '../../topic-partition'
import type { BatchBudget } from './batch-budget'
import type { PartitionOffset } from './commit-queue'
import type { OwnedPartition } from './owned-partition'

/** What is fetched and waits, of all partitions together. Above it nothing more is fetched. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024

/** The client, as far as the partitions need it. */
export interface FetchControl {
  /** From now on the partition is fetched from here; what is under way may still arrive. */
  seek(partition: TopicPartition, offset: number): void
  pause(partition: TopicPartition): void
  resume(partition: TopicPartition): void
  commit(offsets: readonly PartitionOffset[]): Promise<void>
}

export class Fetching {
  private readonly waitingForDemand = new Set<() => void>()
  private isRebalancing = false
  private changes = 0
  private isClosed = false

  constructor(
    private readonly owned: ReadonlyMap<string, OwnedPartition>,
    private readonly control: FetchControl,
    private readonly budget: BatchBudget,
    private readonly consumer: Pick<ConsumerOptions, 'onStopped'>,
  ) {}

  /** Whether batches may be handed out: the client is a member of the group. */
  get isMember(): boolean {
    return !this.isClosed && !this.isRebalancing
  }

  /**
   * While every partition is fetched from: a number that changes with each pause, resume and seek. A fetch asks for all of
   * them when it is the same before and after the client has composed it.
   */
  get whole(): number | undefined {
    if (!this.isMember) return undefined
    for (const { isFetching } of this.owned.values()) if (!isFetching) return undefined
    return this.changes
  }

  /** Whether this member still owns it. */
  owns(own: OwnedPartition): boolean {
    return this.owned.get(partitionKey(own.reader.partition)) === own
  }

  beginRebalance(): void {
    this.isRebalancing = true
    this.answerDemand()
  }

  endRebalance(): void {
    this.isRebalancing = false
  }

  close(): void {
    this.isClosed = true
    this.answerDemand()
  }

  /** The client fetches it again from where we are. */
  seek({ reader, witness }: OwnedPartition): void {
    const offset = witness?.offset ?? reader.position
    if (!reader.isReading || this.isClosed) return
    this.changes++
    this.control.seek(reader.partition, offset)
  }

  /** Nothing more is read from it. */
  stop(own: OwnedPartition, stop: PartitionStop): void {
    own.reader.stop()
    this.balance()
    this.consumer.onStopped(own.reader.partition, stop)
  }

  /** Pauses and resumes partitions by what is waiting. */
  balance(): void {
    if (this.isClosed) return
    let waiting = 0
    for (const { reader } of this.owned.values()) waiting += reader.waitingBytes
    for (const own of this.owned.values()) {
      const hasRoom = waiting < MAX_WAITING_BYTES || (this.budget.hasRoom && isIdle(own))
      const wanted = own.reader.wantsMore && !own.isResting && hasRoom
      if (wanted !== own.isFetching) this.setFetching(own, wanted)
    }
    this.answerDemand()
  }

  /**
   * Resolves when a partition is to be fetched from, or after the limit: a client that finds all partitions paused would
   * sleep for its whole `maxWaitMs` instead, and the flow would run dry.
   */
  async demand(limitMs: number): Promise<void> {
    if (this.isWanted()) return
    await new Promise<void>((resolve) => {
      const answer = (): void => {
        clearTimeout(timer)
        this.waitingForDemand.delete(answer)
        resolve()
      }
      const timer = setTimeout(answer, limitMs)
      this.waitingForDemand.add(answer)
    })
  }

  private isWanted(): boolean {
    return !this.isMember || [...this.owned.values()].some(({ isFetching }) => isFetching)
  }

  private answerDemand(): void {
    if (this.waitingForDemand.size > 0 && this.isWanted()) {
      for (const answer of this.waitingForDemand) answer()
    }
  }

  private setFetching(own: OwnedPartition, isFetching: boolean): void {
    this.changes++
    own.isFetching = isFetching
    if (isFetching) this.control.resume(own.reader.partition)
    else this.control.pause(own.reader.partition)
  }
}

/** Its next batch could be handed out at once, and would not wait for anything but its turn. */
function isIdle({ reader, outstanding }: OwnedPartition): boolean {
  return outstanding === undefined && reader.waitingBytes === 0
}
