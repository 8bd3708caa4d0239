/** Names from outside, through topic, producer and dead letter into a real Kafka, and back. */
import assert from 'node:assert/strict'
import { KafkaDeadLetterTarget } from '../../src/kafka/dead-letters/dead-letter-target'
import { deadLettersOf } from '../../src/dead-letters/dead-letter'
import { TopicRouter } from '../../src/tenant/topic-router'
import type { WireRecord } from '../../src/wire/message'
import { BUILT_IN, NAUGHTY } from '../poison/naughty-strings'
import { createTestTopic, sharedKafka, withAdmin } from '../support/kafka'
import { readTopic } from '../support/kafka-log'
import { KafkaWriter } from '../support/kafka-writer'

const NAMES = [...new Set([...NAUGHTY, ...BUILT_IN, '__acme', '.', '..'])]
/** Devices that name themselves so reach Kafka all the same: their name is a text in a header, not a topic. */
const TOPIC = /^(?!__)[A-Za-z0-9_-]{1,64}$/

const prototypeNow = (): unknown => Object.getOwnPropertyDescriptors(Object.prototype)

describe('names that devices choose', () => {
  let brokers: string
  let writer: KafkaWriter
  before(async () => {
    brokers = (await sharedKafka()).address
    writer = new KafkaWriter(brokers, {
      missingTopic: 'create',
      newTopic: { partitions: 1, replicas: 1, retentionMs: 600_000 },
    })
  })
  after(() => writer.close())

  it('are a Kafka topic or refused by name, and the other tenants never notice', async () => {
    const before = prototypeNow()
    const router = new TopicRouter({
      pattern: '{tenant}/{project}',
      allowedTenant: '[^/]*',
      allowedProject: '.*',
      strategy: 'template',
      kafkaTopic: '',
      topicTemplate: '{tenant}',
      keyTemplate: '',
    })
    const routes = NAMES.map((name) => router.route(`${name}/p`))
    const direct = NAMES.map((name): WireRecord => ({ payload: name, kafka: { topic: name } }))
    const outcomes = await writer.write(direct)
    const made = NAMES.filter((_, index) => outcomes[index] === 'stored')
    try {
      const allowed = NAMES.filter((name) => TOPIC.test(name) && !BUILT_IN.includes(name))
      assert.deepEqual(made, allowed)
      const refusals = new Set(outcomes.filter((outcome) => outcome !== 'stored'))
      assert.deepEqual([...refusals].sort(), ['KAFKA_INVALID_TOPIC', 'KAFKA_NO_TOPIC'])
      const routed = NAMES.filter((_, index) => !(routes[index] instanceof Error))
      assert.deepEqual(routed, allowed)
      assert.deepEqual(await writer.write([{ payload: '1', kafka: { topic: 'null' } }]), ['stored'])
      assert.deepEqual(prototypeNow(), before)
    } finally {
      await withAdmin(brokers, (admin) => admin.deleteTopics({ topics: made }))
    }
  })

  it('are what they were, as tenant, key and header, in a record and in a dead letter', async () => {
    const before = prototypeNow()
    const topic = await createTestTopic(brokers)
    const letters = await createTestTopic(brokers)
    const records = NAMES.map((name): WireRecord => ({
      payload: name,
      tenant: name,
      levels: { [name]: name },
      userProperties: { [name]: name },
      kafka: { topic, key: name, headers: { [name]: name } },
    }))
    assert.deepEqual(new Set(await writer.write(records)), new Set(['stored']))
    const target = new KafkaDeadLetterTarget(writer.cluster, { topic: letters, create: undefined })
    await target.write(records.flatMap((record) => deadLettersOf({ ...record })))
    await target.close()
    for (const where of [topic, letters]) {
      const stored = await readTopic(brokers, where)
      for (const [index, name] of NAMES.entries()) {
        const { headers, key, value } = stored[index] ?? {}
        const found = [
          headers?.tenant ?? '',
          key,
          value?.toString(),
          headers?.[name],
          headers?.[`user-${name}`],
        ]
        assert.deepEqual(found, [name, name, name, name, name], JSON.stringify(name))
        if (name !== '') assert.equal(headers?.[`level-${name}`], name)
      }
    }
    assert.deepEqual(prototypeNow(), before)
  })
})
