/**
 * Writes dead letters to a Kafka topic, which it creates when it is told to.
 *
 * The queue in front of it has one write out at a time and repeats it with the same letters, so a partition never
 * has two sends outstanding, and a repeated write sends the identical batches. Letters that are written already
 * are not sent again. One that is too large for the topic is sent with less of its payload.
 */
import { asPipelineError, type PipelineError } from '../runtime/errors'
import type { DeadLetter } from '../tenant/dead-letter'
import type { DeadLetterTarget } from '../tenant/dead-letter-queue'
import type { KafkaCluster } from './cluster'
import { CUTS, deadLetterRecord } from './dead-letter-record'
import type { KafkaProducer, KafkaRecord, NewTopic } from './driver'
import { partitionOfKey } from './murmur2'

/** Half of Kafka's default limit, which holds for a batch as a whole. */
const MAX_BATCH_BYTES = 512 * 1024
const REQUEST_TIMEOUT_MS = 30_000

export interface KafkaDeadLetterOptions {
  readonly topic: string
  /** Creates the topic like this when it is missing; undefined: it has to be there. */
  readonly create: NewTopic | undefined
}

interface Letter {
  readonly letter: DeadLetter
  readonly record: KafkaRecord
}

export class KafkaDeadLetterTarget implements DeadLetterTarget {
  private readonly producer: KafkaProducer
  private readonly written = new WeakSet<DeadLetter>()
  private created: boolean
  private partitions: number | undefined

  constructor(
    private readonly cluster: KafkaCluster,
    private readonly options: KafkaDeadLetterOptions,
  ) {
    const { driver } = cluster
    this.producer = driver.producer({ compression: 'gzip', requestTimeoutMs: REQUEST_TIMEOUT_MS })
    this.created = options.create === undefined
  }

  async write(letters: readonly DeadLetter[]): Promise<void> {
    const { topic, create } = this.options
    if (!this.created && create !== undefined) {
      await this.cluster.ensureTopic(create)
      this.created = true
    }
    this.partitions ??= await this.producer.partitionCount(topic)
    const byPartition = new Map<number, Letter[]>()
    for (const letter of letters) {
      if (this.written.has(letter)) continue
      const record = deadLetterRecord(letter)
      const partition = record.key === null ? 0 : partitionOfKey(record.key, this.partitions)
      const batch = byPartition.get(partition)
      if (batch === undefined) byPartition.set(partition, [{ letter, record }])
      else batch.push({ letter, record })
    }
    const sends = [...byPartition].map(([partition, batch]) => this.sendInOrder(partition, batch))
    const failed = (await Promise.allSettled(sends)).find((result) => result.status === 'rejected')
    if (failed === undefined) return
    // Somebody may have deleted the topic, or added partitions to it.
    this.created = create === undefined
    this.partitions = undefined
    throw failed.reason
  }

  close(): Promise<void> {
    return this.producer.close()
  }

  private async sendInOrder(partition: number, batch: readonly Letter[]): Promise<void> {
    for (const part of partsOf(batch)) {
      try {
        await this.send(partition, part)
      } catch (thrown) {
        if (!isTooLarge(asPipelineError(thrown))) throw thrown
        for (const { letter } of part) await this.sendCut(partition, letter)
      }
    }
  }

  /** Sends one letter with as much of its payload as the topic takes. */
  private async sendCut(partition: number, letter: DeadLetter): Promise<void> {
    for (let cut = 0; ; cut++) {
      try {
        return await this.send(partition, [{ letter, record: deadLetterRecord(letter, cut) }])
      } catch (thrown) {
        if (!isTooLarge(asPipelineError(thrown)) || cut === CUTS.length - 1) throw thrown
      }
    }
  }

  private async send(partition: number, batch: readonly Letter[]): Promise<void> {
    await this.producer.send(
      this.options.topic,
      partition,
      batch.map(({ record }) => record),
    )
    for (const { letter } of batch) this.written.add(letter)
  }
}

function isTooLarge(error: PipelineError): boolean {
  return error.code === 'KAFKA_RECORD_TOO_LARGE'
}

/** Batches that Kafka's limit leaves room for; a letter that is larger goes alone. */
function partsOf(batch: readonly Letter[]): Letter[][] {
  const parts: Letter[][] = []
  let room = 0
  for (const letter of batch) {
    const size = sizeOf(letter.record)
    if (parts.length === 0 || size > room) {
      parts.push([])
      room = MAX_BATCH_BYTES
    }
    parts.at(-1)?.push(letter)
    room -= size
  }
  return parts
}

function sizeOf({ value, headers }: KafkaRecord): number {
  let size = value?.length ?? 0
  for (const [name, content] of Object.entries(headers)) size += name.length + [content].flat().join().length
  return size
}
