/**
 * Puts the batches for one leader into one request, of whatever topics and partitions. A request costs the broker and us as
 * much as some dozens of records; at a thousand messages a second, with one request for each partition, nearly all of the
 * work would be requests, and with one for each of a thousand topics they would only wait for one another.
 *
 * No batch waits for others: it goes out at once when no request to its leader is under way. What comes meanwhile goes out
 * together when that one is answered. Each batch has its own outcome. One that has failed goes alone from then on, because
 * what its broker does with it next (nothing for half a minute, or a closed connection) would happen to all others as well.
 */
import { SizedQueue, type Sized } from '../../batching/sized-queue'
import { RecentMap } from '../../runtime/recent-map'
import type { KafkaRecord, TopicPartition } from '../driver'
import { partitionKey } from '../topic-partition'
import { ALWAYS_FITS_BYTES } from './request-limit'

export interface PartitionBatch extends TopicPartition {
  readonly records: readonly KafkaRecord[]
  /** About, see `sizeOf`. */
  readonly bytes: number
}

/** Of one batch: the offset of its first record, or why it is not known to be stored. */
export type Outcome = number | Error

export interface JointRequestsOptions {
  /** The broker that leads the partition, as far as is known. */
  readonly leaderOf: (partition: TopicPartition) => number | undefined
  /**
   * Writes batches in one request.
   * @param leader where it goes; `undefined`, for a batch that is alone: wherever its leader is
   * @returns the outcomes, in the order of the batches
   */
  readonly write: (
    batches: readonly PartitionBatch[],
    leader: number | undefined,
  ) => Promise<readonly Outcome[]>
  /** Whether a request failed before any batch of it was looked at, so that none of them is at fault. */
  readonly isOfConnection: (error: unknown) => boolean
}

interface Waiting extends Sized {
  readonly batch: PartitionBatch
  readonly resolve: (offset: number) => void
  readonly reject: (error: unknown) => void
}

/**
 * In a request. The broker appends one after the other, and answers after the last: a slow disk takes tens of milliseconds
 * for the first records of a log, so a thousand of them have run into the time limit. More than this gains nothing.
 */
const MAX_BATCHES = 100
/** Partitions of which it is remembered that they have failed; a forgotten one costs a request. */
const MAX_FAILING = 1_000

export class JointRequests {
  /** By leader, what waits for the request before; only those from which one is under way, or about to be made. */
  private readonly queues = new Map<number, SizedQueue<Waiting>>()
  /** Whose last batch has failed goes alone until one is stored. */
  private readonly failing = new RecentMap<string, true>(MAX_FAILING)

  constructor(private readonly options: JointRequestsOptions) {}

  /** @returns the offset of the first record. The caller has one batch of a partition outstanding. */
  async send(batch: PartitionBatch): Promise<number> {
    const name = partitionKey(batch)
    const leader = this.failing.has(name) ? undefined : this.options.leaderOf(batch)
    try {
      const offset = await new Promise<number>((resolve, reject) => {
        const waiting = { batch, count: 1, bytes: batch.bytes, resolve, reject }
        if (leader === undefined) void this.request([waiting], undefined)
        else this.enqueue(waiting, leader)
      })
      this.failing.delete(name)
      return offset
    } catch (error) {
      this.failing.set(name, true)
      throw error
    }
  }

  private enqueue(waiting: Waiting, leader: number): void {
    let queue = this.queues.get(leader)
    if (queue === undefined) {
      queue = new SizedQueue()
      this.queues.set(leader, queue)
      this.sendSoon(leader, queue)
    }
    queue.add(waiting)
  }

  /** Not at once: the batches of one moment come one after the other, also those that follow on an answer. */
  private sendSoon(leader: number, queue: SizedQueue<Waiting>): void {
    setImmediate(() => {
      if (queue.isEmpty) {
        this.queues.delete(leader)
        return
      }
      const batches = queue.take(MAX_BATCHES, ALWAYS_FITS_BYTES)
      void this.request(batches, leader).then(() => this.sendSoon(leader, queue))
    })
  }

  /** Never rejects. What has to be sent again is not waited for: it may be for a broker that is silent. */
  private async request(parts: readonly Waiting[], leader: number | undefined): Promise<void> {
    const { write, isOfConnection } = this.options
    const isJoint = parts.length > 1
    try {
      const batches = parts.map(({ batch }) => batch)
      const outcomes = await write(batches, isJoint ? leader : undefined)
      parts.forEach(({ resolve, reject }, index) => {
        const outcome = outcomes[index]
        if (typeof outcome === 'number') resolve(outcome)
        else reject(outcome)
      })
    } catch (error) {
      const isOfEach = !isJoint || isOfConnection(error)
      for (const part of parts) {
        if (isOfEach) part.reject(error)
        else void this.request([part], undefined)
      }
    }
  }
}
