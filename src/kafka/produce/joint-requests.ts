/**
 * Puts the batches for partitions of one topic and one leader into one request. A request costs the broker and us as much
 * as some dozens of records; at a thousand messages a second, with one request for each partition, nearly all of the work
 * would be requests.
 *
 * No batch waits for others: it goes out at once when no request for its topic and leader is under way. What comes
 * meanwhile goes out together when that one is answered.
 *
 * When Kafka refuses one partition of a request, the others have been stored or have not, and the client does not say. So
 * each batch is sent again by itself, the identical one, which the broker recognizes if it has it; and its answer
 * concerns no other. The broker recognizes it by its sequence number, which the client takes back when a request fails,
 * for the whole request. So a request must never be split: of two brokers, one of which has stored its part, the client
 * would take back the numbers of the other alone, and the part would be stored twice.
 */
import { RecentMap } from '../../runtime/recent-map'
import type { KafkaRecord } from '../driver'
import { ALWAYS_FITS_BYTES } from './request-limit'

export interface PartitionBatch {
  readonly topic: string
  readonly partition: number
  readonly records: readonly KafkaRecord[]
  /** About, see `sizeOf`. */
  readonly bytes: number
}

export interface JointRequestsOptions<A> {
  /** The broker that leads the partition, as far as is known. */
  readonly leaderOf: (batch: PartitionBatch) => number | undefined
  /**
   * Writes batches for partitions of one topic.
   * @param leader to which all of them go, in one request. When one of them has another leader by now, nothing may be
   *        sent; `undefined`, for a batch that is alone: wherever its leader is
   */
  readonly write: (batches: readonly PartitionBatch[], leader: number | undefined) => Promise<A>
  /** Whether a failed request was not answered, so that the error is that of each of its batches. */
  readonly isOfConnection: (error: unknown) => boolean
}

interface Waiting<A> {
  readonly batch: PartitionBatch
  readonly resolve: (answer: A) => void
  readonly reject: (error: unknown) => void
}

/** The batches of a topic that wait for the request to their leader before them. */
interface Queue<A> {
  readonly leader: number
  readonly waiting: Waiting<A>[]
}

/** Partitions of which it is remembered that they have failed; a forgotten one costs a request. */
const MAX_FAILING = 1_000

export class JointRequests<A> {
  /** Those from which a request is under way, or about to be made. */
  private readonly queues = new Map<string, Queue<A>>()
  /** Whose last batch has failed goes alone until one is stored: it may well fail again, and all others with it. */
  private readonly failing = new RecentMap<string, true>(MAX_FAILING)

  constructor(private readonly options: JointRequestsOptions<A>) {}

  /**
   * Resolves with the answer to the request that has this batch, among others or alone. The caller has one batch of a
   * partition outstanding.
   */
  async send(batch: PartitionBatch): Promise<A> {
    const name = `${batch.topic}/${batch.partition}`
    const leader = this.failing.has(name) ? undefined : this.options.leaderOf(batch)
    try {
      const answer = await (leader === undefined ? this.sendAlone(batch) : this.enqueue(batch, leader))
      this.failing.delete(name)
      return answer
    } catch (error) {
      this.failing.set(name, true)
      throw error
    }
  }

  private sendAlone(batch: PartitionBatch): Promise<A> {
    return this.options.write([batch], undefined)
  }

  private enqueue(batch: PartitionBatch, leader: number): Promise<A> {
    const key = `${leader} ${batch.topic}`
    let queue = this.queues.get(key)
    if (queue === undefined) {
      queue = { leader, waiting: [] }
      this.queues.set(key, queue)
      this.sendSoon(key, queue)
    }
    const { waiting } = queue
    return new Promise((resolve, reject) => waiting.push({ batch, resolve, reject }))
  }

  /** Not at once: the batches of one moment come one after the other, also those that follow on an answer. */
  private sendSoon(key: string, queue: Queue<A>): void {
    setImmediate(() => {
      if (queue.waiting.length === 0) this.queues.delete(key)
      else void this.request(takeRequest(queue.waiting), queue.leader).then(() => this.sendSoon(key, queue))
    })
  }

  /** Never rejects. What has to be sent again is not waited for: it may be for a broker that is silent. */
  private async request(parts: readonly Waiting<A>[], leader: number): Promise<void> {
    const { write, isOfConnection } = this.options
    const batches = parts.map(({ batch }) => batch)
    const isJoint = batches.length > 1
    try {
      const answer = await write(batches, isJoint ? leader : undefined)
      for (const { resolve } of parts) resolve(answer)
    } catch (error) {
      const isOfEach = !isJoint || isOfConnection(error)
      for (const { batch, resolve, reject } of parts) {
        if (isOfEach) reject(error)
        else this.sendAlone(batch).then(resolve, reject)
      }
    }
  }
}

/** As many from the front as every broker takes in one request; one in any case, and none twice of a partition. */
function takeRequest<A>(waiting: Waiting<A>[]): readonly Waiting<A>[] {
  const partitions = new Set<number>()
  let bytes = 0
  for (const { batch } of waiting) {
    bytes += batch.bytes
    if (partitions.size > 0 && (bytes > ALWAYS_FITS_BYTES || partitions.has(batch.partition))) break
    partitions.add(batch.partition)
  }
  return waiting.splice(0, partitions.size)
}
