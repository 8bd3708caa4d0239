/**
 * Puts the batches for partitions of one leader into one request. A request costs the broker and us as much as some
 * dozens of records; at a thousand messages a second, with one request for each partition, nearly all of the work would
 * be requests.
 *
 * Nothing waits for company: a batch goes out at once when no request to its leader is under way. What comes meanwhile
 * goes out together when that one is answered.
 *
 * When Kafka refuses one partition of a request, the others have been stored or have not, and the client does not say. So
 * each batch is sent again by itself, the identical one, which the broker recognizes if it has it; and its answer
 * concerns no other.
 */
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
  /** The broker that leads the partition, as far as it is known: a wrong one costs a request, and nothing else. */
  readonly leaderOf: (batch: PartitionBatch) => number | undefined
  /** One request, or one for each leader. Resolves with the answer about all of its batches. */
  readonly write: (batches: readonly PartitionBatch[]) => Promise<A>
  /** Whether a failed request was not answered, so that the error is that of each of its batches. */
  readonly isOfConnection: (error: unknown) => boolean
}

interface Waiting<A> {
  readonly batch: PartitionBatch
  readonly resolve: (answer: A) => void
  readonly reject: (error: unknown) => void
}

export class JointRequests<A> {
  /** What waits, for each leader to which a request is under way or about to be made. */
  private readonly queues = new Map<number, Waiting<A>[]>()

  constructor(private readonly options: JointRequestsOptions<A>) {}

  /** Resolves with the answer to the request that has this batch, among others or alone. */
  send(batch: PartitionBatch): Promise<A> {
    const leader = this.options.leaderOf(batch)
    if (leader === undefined) return this.sendAlone(batch)
    return new Promise((resolve, reject) => this.queueOf(leader).push({ batch, resolve, reject }))
  }

  /** For a batch that has failed before: it may well fail again. */
  sendAlone(batch: PartitionBatch): Promise<A> {
    return this.options.write([batch])
  }

  private queueOf(leader: number): Waiting<A>[] {
    let queue = this.queues.get(leader)
    if (queue === undefined) {
      queue = []
      this.queues.set(leader, queue)
      this.sendSoon(leader, queue)
    }
    return queue
  }

  /** Not at once: the batches of one moment come one after the other, also those that follow on an answer. */
  private sendSoon(leader: number, queue: Waiting<A>[]): void {
    setImmediate(() => {
      if (queue.length === 0) this.queues.delete(leader)
      else void this.request(takeRequest(queue)).then(() => this.sendSoon(leader, queue))
    })
  }

  /** Never rejects. */
  private async request(parts: readonly Waiting<A>[]): Promise<void> {
    const { write, isOfConnection } = this.options
    try {
      const answer = await write(parts.map(({ batch }) => batch))
      for (const { resolve } of parts) resolve(answer)
    } catch (error) {
      if (parts.length === 1 || isOfConnection(error)) for (const { reject } of parts) reject(error)
      else
        await Promise.all(
          parts.map(({ batch, resolve, reject }) => this.sendAlone(batch).then(resolve, reject)),
        )
    }
  }
}

/** As many from the front as every broker takes in one request; one in any case. */
function takeRequest<A>(waiting: Waiting<A>[]): readonly Waiting<A>[] {
  let count = 0
  let bytes = 0
  for (const { batch } of waiting) {
    bytes += batch.bytes
    if (count > 0 && bytes > ALWAYS_FITS_BYTES) break
    count++
  }
  return waiting.splice(0, count)
}
