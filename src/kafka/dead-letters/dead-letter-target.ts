/**
 * Writes dead letters to a Kafka topic, which it creates when it is configured to.
 *
 * The queue in front of it has one write out at a time and repeats it with the same letters, so a partition never
 * has two sends outstanding. A repeated write sends the very same batches, which the driver tells from others by
 * identity, and only those that are not written yet. A letter that is too large is sent with less of its payload.
 */
import { asPipelineError, type PipelineError } from '../../wire/errors'
import type { DeadLetter } from '../../dead-letters/dead-letter'
import type { DeadLetterTarget } from '../../dead-letters/dead-letter-queue'
import { reserveTopic } from '../../tenant/reserved-topics'
import type { KafkaCluster } from '../cluster'
import { CUTS, deadLetterRecord } from './dead-letter-record'
import type { KafkaProducer, KafkaRecord } from '../driver'
import { partitionOfKey } from '../produce/murmur2'
import type { TopicPlan } from '../topics/topic-plan'

/** Half of Kafka's default limit, which holds for a batch as a whole. */
const MAX_BATCH_BYTES = 512 * 1024
const REQUEST_TIMEOUT_MS = 30_000

export interface KafkaDeadLetterOptions {
  readonly topic: string
  /** Creates the topic like this when it is missing; undefined: it has to be there. */
  readonly create: TopicPlan | undefined
}

/** What one request carries. The driver knows a repetition by this very array of records, so it is made once. */
interface Batch {
  readonly letters: readonly DeadLetter[]
  readonly records: readonly KafkaRecord[]
  /** The index in `CUTS`. */
  readonly cut: number
}

/** What is still to be written of some letters, in the order of each partition. */
interface Plan {
  readonly letters: readonly DeadLetter[]
  readonly partitions: number
  readonly batches: ReadonlyMap<number, Batch[]>
}

export class KafkaDeadLetterTarget implements DeadLetterTarget {
  private readonly producer: KafkaProducer
  private readonly release: () => void
  private readonly written = new WeakSet<DeadLetter>()
  private created: boolean
  private partitions: number | undefined
  /** Kept while its letters are not all written. */
  private plan: Plan | undefined

  constructor(
    private readonly cluster: KafkaCluster,
    private readonly options: KafkaDeadLetterOptions,
  ) {
    const { driver } = cluster
    this.producer = driver.producer({ compression: 'gzip', requestTimeoutMs: REQUEST_TIMEOUT_MS })
    this.created = options.create === undefined
    this.release = reserveTopic(options.topic)
  }

  async write(letters: readonly DeadLetter[]): Promise<void> {
    const { topic, create } = this.options
    if (!this.created && create !== undefined) {
      await this.cluster.ensureTopic(topic, create)
      this.created = true
    }
    this.partitions ??= await this.producer.partitionCount(topic)
    const { batches } = (this.plan = this.planFor(letters, this.partitions))
    const sends = [...batches].map(([partition, toSend]) => this.sendInOrder(partition, toSend))
    const failed = (await Promise.allSettled(sends)).find((result) => result.status === 'rejected')
    if (failed === undefined) {
      this.plan = undefined
      return
    }
    // The topic may have been deleted, or have got more partitions.
    this.created = create === undefined
    this.partitions = undefined
    throw failed.reason
  }

  close(): Promise<void> {
    this.release()
    return this.producer.close()
  }

  private planFor(letters: readonly DeadLetter[], partitions: number): Plan {
    const { plan } = this
    const isRepeated =
      plan?.partitions === partitions &&
      plan.letters.length === letters.length &&
      plan.letters.every((letter, at) => letter === letters[at])
    if (isRepeated) return plan
    const byPartition = new Map<number, Batch[]>()
    for (const letter of letters) {
      if (this.written.has(letter)) continue
      const batch = batchOf(letter)
      const key = batch.records[0]?.key ?? null
      const partition = key === null ? 0 : partitionOfKey(key, partitions)
      const singles = byPartition.get(partition)
      if (singles === undefined) byPartition.set(partition, [batch])
      else singles.push(batch)
    }
    const batches = new Map([...byPartition].map(([partition, singles]) => [partition, joined(singles)]))
    return { letters, partitions, batches }
  }

  /** Takes off the list what is written. What is too large is put back in smaller pieces. */
  private async sendInOrder(partition: number, batches: Batch[]): Promise<void> {
    for (let batch = batches[0]; batch !== undefined; batch = batches[0]) {
      try {
        await this.producer.send(this.options.topic, partition, batch.records)
        for (const letter of batch.letters) this.written.add(letter)
        batches.shift()
      } catch (thrown) {
        const smaller = isTooLarge(asPipelineError(thrown)) ? smallerThan(batch) : undefined
        if (smaller === undefined) throw thrown
        batches.splice(0, 1, ...smaller)
      }
    }
  }
}

function isTooLarge(error: PipelineError): boolean {
  return error.code === 'KAFKA_RECORD_TOO_LARGE'
}

function batchOf(letter: DeadLetter, cut = 0): Batch {
  return { letters: [letter], records: [deadLetterRecord(letter, cut)], cut }
}

/** Each letter alone, or one letter with less of its payload; `undefined` when nothing smaller can be sent. */
function smallerThan({ letters, cut }: Batch): readonly Batch[] | undefined {
  const [first] = letters
  if (letters.length > 1) return letters.map((letter) => batchOf(letter))
  return first === undefined || cut === CUTS.length - 1 ? undefined : [batchOf(first, cut + 1)]
}

/** Batches that Kafka's limit leaves room for; a letter that is larger goes alone. */
function joined(singles: readonly Batch[]): Batch[] {
  const parts: Batch[][] = []
  let room = 0
  for (const single of singles) {
    const size = single.records.reduce((sum, record) => sum + sizeOf(record), 0)
    if (parts.length === 0 || size > room) {
      parts.push([])
      room = MAX_BATCH_BYTES
    }
    parts.at(-1)?.push(single)
    room -= size
  }
  return parts.map((part) => ({
    letters: part.flatMap(({ letters }) => letters),
    records: part.flatMap(({ records }) => records),
    cut: 0,
  }))
}

function sizeOf({ value, headers }: KafkaRecord): number {
  let size = value?.length ?? 0
  for (const [name, content] of Object.entries(headers)) size += name.length + [content].flat().join().length
  return size
}
