/**
 * Sequence numbers: Kafka refuses what a producer has sent before, and takes a *different* batch with the same number
 * and length for it, without a word. A driver must never let that happen, nor mistake the refusal for an answer.
 */
import assert from 'node:assert/strict'
import { createTestTopic } from '../kafka'
import { numbered } from '../kafka-consumers'
import { until } from '../until'
import { batchOf, failureOf, sendUntilStored, type ContractStage } from './stage'

export function idempotenceContract(stage: () => ContractStage): void {
  for (const [title, values] of [
    ['does not take another batch of the same length for one whose answer was lost', ['c', 'd']],
    ['does not take another batch of another length for one whose answer was lost', ['c']],
  ] as const) {
    it(title, async () => {
      const topic = await createTestTopic(stage().brokers)
      const producer = stage().disturbed()
      await producer.send(topic, 0, batchOf(['first']))
      stage().proxy.loseNextAnswers()
      await failureOf(producer.send(topic, 0, batchOf(['a', 'b'])))
      await until(async () => (await stage().valuesOf(topic)).length === 3)
      // The client that sent a and b has given them up.
      assert.equal((await sendUntilStored(producer, topic, batchOf(values))).offset, 3)
      assert.deepEqual(await stage().valuesOf(topic), ['first', 'a', 'b', ...values])
    })
  }

  it('starts over when the broker finds a gap in its sequence, and repeats nothing', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: 2 })
    const producer = stage().disturbed()
    await producer.send(topic, 0, batchOf(['first']))
    await producer.send(topic, 1, batchOf(['other']))
    stage().proxy.loseNextAnswers()
    await failureOf(producer.send(topic, 0, batchOf(['a', 'b', 'c'])))
    await until(async () => (await stage().valuesOf(topic)).length === 5)
    await sendUntilStored(producer, topic, batchOf(['d']))
    for (let round = 0; round < 10; round++) {
      await sendUntilStored(producer, topic, batchOf([`${round}`]), 0)
      await sendUntilStored(producer, topic, batchOf([`${round}`]), 1)
    }
    assert.deepEqual(await stage().valuesOf(topic), [
      ...['first', 'a', 'b', 'c', 'd', ...numbered(10)],
      ...['other', ...numbered(10)],
    ])
  })

  it('shares a partition with another producer', async () => {
    const topic = await createTestTopic(stage().brokers)
    const producers = [stage().producer(), stage().producer()]
    for (const round of numbered(10)) {
      await Promise.all(producers.map((producer) => sendUntilStored(producer, topic, batchOf([round]))))
    }
    assert.deepEqual(
      await stage().valuesOf(topic),
      numbered(10).flatMap((round) => [round, round]),
    )
  })
}
