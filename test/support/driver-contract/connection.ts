/**
 * What networks do to a batch on its way. Whatever happens, the same batch is sent again by the caller, and Kafka
 * holds it once: the driver's own retries, if it has any, do no harm.
 */
import assert from 'node:assert/strict'
import { createTestTopic } from '../kafka'
import { numbered } from '../kafka-consumers'
import { randomFrom } from '../random'
import { until } from '../until'
import { batchOf, failureOf, sendUntilStored, type ContractStage } from './stage'

export function connectionContract(stage: () => ContractStage): void {
  it('is cut before the batch has arrived: the same batch again is stored once', async () => {
    const topic = await createTestTopic(stage().brokers)
    const producer = stage().disturbed()
    await producer.send(topic, 0, batchOf(['first']))
    stage().proxy.set({ cutAfter: { direction: 'up', bytes: 0 } })
    const batch = batchOf(['a', 'b'])
    const error = await failureOf(producer.send(topic, 0, batch))
    assert.deepEqual([error.code, error.retryable], ['KAFKA_UNREACHABLE', true])
    stage().proxy.set({})
    assert.equal((await sendUntilStored(producer, topic, batch)).offset, 1)
    assert.deepEqual(await stage().valuesOf(topic), ['first', 'a', 'b'])
  })

  it('is cut after the batch was stored: the same batch again is answered with the same offset', async () => {
    const topic = await createTestTopic(stage().brokers)
    const producer = stage().disturbed()
    await producer.send(topic, 0, batchOf(['first']))
    stage().proxy.loseNextAnswers()
    const batch = batchOf(['a', 'b'])
    const error = await failureOf(producer.send(topic, 0, batch))
    assert.deepEqual([error.code, error.retryable], ['KAFKA_UNREACHABLE', true])
    await until(async () => (await stage().valuesOf(topic)).length === 3)
    assert.equal((await sendUntilStored(producer, topic, batch)).offset, 1)
    assert.equal((await sendUntilStored(producer, topic, batchOf(['c']))).offset, 3)
    assert.deepEqual(await stage().valuesOf(topic), ['first', 'a', 'b', 'c'])
  })

  it('is cut in the middle of a batch: the same batch again is stored once', async () => {
    const topic = await createTestTopic(stage().brokers)
    const producer = stage().disturbed()
    stage().proxy.set({ cutAfter: { direction: 'up', bytes: 20_000 } })
    const batch = batchOf(numbered(100, 'x'.repeat(1_000)))
    const error = await failureOf(producer.send(topic, 0, batch))
    assert.deepEqual([error.code, error.retryable], ['KAFKA_UNREACHABLE', true])
    stage().proxy.set({})
    assert.equal((await sendUntilStored(producer, topic, batch)).offset, 0)
    assert.equal((await stage().valuesOf(topic)).length, 100)
  })

  it('is silent in both directions: says so in time, and continues when it is not', async () => {
    const topic = await createTestTopic(stage().brokers)
    const producer = stage().disturbed()
    await producer.send(topic, 0, batchOf(['first']))
    stage().proxy.set({ blackHole: true })
    const batch = batchOf(['a'])
    const error = await failureOf(producer.send(topic, 0, batch))
    assert.deepEqual([error.code, error.retryable], ['KAFKA_NO_ANSWER', true])
    stage().proxy.set({})
    assert.equal((await sendUntilStored(producer, topic, batch)).offset, 1)
    assert.deepEqual(await stage().valuesOf(topic), ['first', 'a'])
  })

  it('loses its answers and stays open: the same batch again is stored once', async () => {
    const topic = await createTestTopic(stage().brokers)
    const producer = stage().disturbed()
    await producer.send(topic, 0, batchOf(['first']))
    stage().proxy.set({ blackHole: 'down' })
    const batch = batchOf(['a'])
    assert.equal((await failureOf(producer.send(topic, 0, batch))).code, 'KAFKA_NO_ANSWER')
    assert.equal((await stage().valuesOf(topic)).length, 2)
    stage().proxy.set({})
    assert.equal((await sendUntilStored(producer, topic, batch)).offset, 1)
    assert.deepEqual(await stage().valuesOf(topic), ['first', 'a'])
  })

  it('is slow and in small slices: nothing fails', async () => {
    const topic = await createTestTopic(stage().brokers)
    stage().proxy.set({ latencyMs: 1, sliceBytes: 100 })
    const values = numbered(50, 'x'.repeat(50))
    assert.equal(await stage().disturbed().send(topic, 0, batchOf(values)), 0)
    assert.deepEqual(await stage().valuesOf(topic), values)
  })

  it('is cut again and again, before and after: every batch is stored, in order, and once while the producer id stays', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 4 })
    const producer = stage().disturbed()
    const random = randomFrom(20_261_120)
    let writing = true
    const disturb = async (): Promise<void> => {
      for (let round = 0; writing; round++) {
        const accepted = stage().proxy.accepted
        if (random() < 0.5) stage().proxy.loseNextAnswers()
        else stage().proxy.reset()
        await until(() => !writing || stage().proxy.accepted > accepted)
      }
    }
    const write = async (partition: number): Promise<string[]> => {
      const failures: string[] = []
      for (let at = 0; at < 60; at += 2) {
        const batch = batchOf([`${at}`, `${at + 1}`])
        const stored = await sendUntilStored(producer, topic, batch, partition)
        failures.push(...stored.failures.map(({ code }) => code))
      }
      return failures
    }
    const written = Promise.all([0, 1, 2, 3].map(write)).finally(() => (writing = false))
    const [codes] = await Promise.all([written.then((lanes) => lanes.flat()), disturb()])
    assert.ok(codes.length > 10, 'hardly anything was cut')
    const stored = await stage().valuesOf(topic)
    const wanted = [0, 1, 2, 3].flatMap(() => numbered(60))
    // The broker knows a repetition by the producer id; a fault of another kind has the driver take a new one.
    const idStays = codes.every((code) => code === 'KAFKA_UNREACHABLE')
    if (idStays) assert.deepEqual(stored, wanted)
    else assert.deepEqual(withoutRepeats(stored), wanted, codes.join(', '))
  })

  it('is closed while a batch is under way: the send ends, and what it says is true', async () => {
    const topic = await createTestTopic(stage().brokers)
    const producer = stage().disturbed()
    await producer.send(topic, 0, batchOf(['first']))
    stage().proxy.set({ blackHole: 'down' })
    const sending = failureOf(producer.send(topic, 0, batchOf(['a'])))
    await until(async () => (await stage().valuesOf(topic)).length === 2)
    await producer.close()
    assert.equal((await sending).retryable, true)
    const late = await failureOf(producer.send(topic, 0, batchOf(['b'])))
    assert.deepEqual([late.code, late.retryable], ['KAFKA_CLOSED', true])
    assert.deepEqual(await stage().valuesOf(topic), ['first', 'a'])
  })

  it('is cut while it closes, and closed twice: the close ends', async () => {
    const topic = await createTestTopic(stage().brokers)
    const producer = stage().disturbed()
    await producer.send(topic, 0, batchOf(['first']))
    const sending = producer.send(topic, 0, batchOf(['a'])).catch((error: unknown) => error)
    const closing = producer.close()
    stage().proxy.reset()
    await Promise.all([closing, producer.close(), sending])
  })

  it('is closed before anything was sent, and when nothing answers: the close ends', async () => {
    await stage().disturbed().close()
    stage().proxy.set({ blackHole: true })
    const producer = stage().disturbed()
    const sending = failureOf(producer.send('t', 0, batchOf(['a'])))
    await producer.close()
    assert.equal((await sending).retryable, true)
  })
}

/** Partition by partition, each with the values 0, 1, 2, …: a value that is not beyond the last was there before. */
function withoutRepeats(values: readonly string[]): string[] {
  const seen: string[] = []
  for (const value of values) {
    const last = Number(seen.at(-1) ?? -1)
    if (Number(value) === last + 1 || (value === '0' && last === 59)) seen.push(value)
    else assert.ok(Number(value) <= last, `${value} after ${last}`)
  }
  return seen
}
