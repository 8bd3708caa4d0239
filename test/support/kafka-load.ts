/**
 * Records that carry a number per key, written at a steady pace, and the check that Kafka holds each of them, in
 * order.
 */
import assert from 'node:assert/strict'
import { PipelineError } from '../../src/wire/errors'
import type { TenantProducer } from '../../src/kafka/produce/producer'
import { readTopic } from './kafka-log'
import { until } from './until'

const TICK_MS = 5

export class KafkaLoad {
  private readonly written: number[]
  private readonly storedOf: number[]
  private timer: NodeJS.Timeout | undefined
  stored = 0
  total = 0
  readonly failures: PipelineError[] = []

  constructor(
    private readonly producer: TenantProducer,
    readonly topic: string,
    private readonly keys = 20,
  ) {
    this.written = Array.from({ length: keys }, () => 0)
    this.storedOf = Array.from({ length: keys }, () => 0)
  }

  /** One record of each key every 5 ms. */
  start(): this {
    this.timer = setInterval(() => this.write(1), TICK_MS)
    return this
  }

  write(perKey: number): void {
    for (let round = 0; round < perKey; round++) {
      for (let key = 0; key < this.keys; key++) {
        const sequence = this.written[key] ?? 0
        this.written[key] = sequence + 1
        this.total++
        const kafka = { topic: this.topic, key: `device-${key}` }
        this.producer.write(
          { payload: Buffer.from(String(sequence)), kafka },
          { stored: () => this.onStored(key), failed: (error) => this.failures.push(error) },
        )
      }
    }
  }

  /** Waits until this many more records are stored: the load goes through. */
  async progress(records: number): Promise<void> {
    const goal = this.stored + records
    await until(() => this.stored >= goal)
  }

  /** Waits until this many more records of every key are stored: all partitions make progress. */
  async everyKey(records: number): Promise<void> {
    const goals = this.storedOf.map((stored) => stored + records)
    await until(() => goals.every((goal, key) => (this.storedOf[key] ?? 0) >= goal))
  }

  /** Ends the load and waits until everything is stored. */
  async finish(): Promise<void> {
    clearInterval(this.timer)
    await until(() => this.stored + this.failures.length === this.total)
    assert.deepEqual(this.failures, [])
  }

  /** Nothing is missing, and each key has its numbers in order. @returns how many records Kafka holds twice */
  async check(brokers: string): Promise<number> {
    const next = new Map<string, number>()
    let repeated = 0
    for (const { key = '', value } of await readTopic(brokers, this.topic)) {
      const sequence = Number(value?.toString())
      const expected = next.get(key) ?? 0
      assert.ok(sequence <= expected, `${key}: ${sequence} came before ${expected}`)
      if (sequence < expected) repeated++
      else next.set(key, expected + 1)
    }
    this.written.forEach((count, key) => assert.equal(next.get(`device-${key}`) ?? 0, count))
    return repeated
  }

  private onStored(key: number): void {
    this.stored++
    this.storedOf[key] = (this.storedOf[key] ?? 0) + 1
  }
}
