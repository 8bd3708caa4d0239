import assert from 'node:assert/strict'
import { flowTopics } from '../../../../src/kafka/topics/flow-topics'

describe('the Kafka topics that a flow uses', () => {
  const producer = { id: 'p', type: 'tenant-kafka-producer', cluster: 'c', wires: [[], []] }
  const consumer = { id: 'r', type: 'tenant-kafka-consumer', cluster: 'c', wires: [[], []] }
  const named = (...flow: { id: string; type: string }[]): string[] =>
    flowTopics(flow, 'c').map(({ topic, create }) => `${topic} ${create}`)

  it('are those that producers, consumers and dead letters name, once each', () => {
    assert.deepEqual(
      named(
        { ...producer, topic: 'b', missingTopic: 'create' } as typeof producer,
        { ...consumer, topics: 'a, b' } as typeof consumer,
        { id: 'd', type: 'tenant-dead-letter', cluster: 'c' } as typeof producer,
      ),
      ['a false', 'b true', 'iot-dead-letters false'],
    )
  })

  it('are those of the tenant topics before a producer without one, wherever they stand', () => {
    const router = { id: 't', type: 'tenant-topic', kafkaTopic: 'routed', wires: [['f'], []] }
    const between = { id: 'f', type: 'function', wires: [['p']] }
    const elsewhere = { ...router, id: 'u', kafkaTopic: 'elsewhere', wires: [[], []] }
    assert.deepEqual(named(producer, between, router, elsewhere), ['routed false'])
    const template = { ...router, strategy: 'template' }
    assert.deepEqual(named(producer, between, template), [])
    const fixed = { ...producer, topic: 'fixed' }
    assert.deepEqual(named(fixed, between, router), ['fixed false'])
  })

  it('are those of the tenant topics before it also by links and into subflows', () => {
    const router = { id: 't', type: 'tenant-topic', kafkaTopic: 'routed', wires: [['out'], []] }
    const links = [
      { id: 'out', type: 'link out', links: ['in'], wires: [] },
      { id: 'in', type: 'link in', links: ['out'], wires: [['packed']] },
    ]
    const subflow = [
      { id: 'packed', type: 'subflow:s', wires: [] },
      { id: 's', type: 'subflow', in: [{ wires: [{ id: 'p' }] }] },
    ]
    assert.deepEqual(named(router, ...links, ...subflow, { ...producer, z: 's' } as typeof producer), [
      'routed false',
    ])
    const inside = { ...router, z: 's', wires: [[], []] }
    const around = [
      { id: 'instance', type: 'subflow:s', wires: [['p']] },
      { id: 's', type: 'subflow', in: [] },
    ]
    assert.deepEqual(named(inside, ...around, producer), ['routed false'])
  })

  it('are not those of patterns, variables, other clusters and disabled nodes', () => {
    for (const topics of ['/x.*/', '${TOPIC}', '', 'not a topic!']) {
      const reader = { ...consumer, topics }
      assert.deepEqual(named(reader), [], topics)
    }
    const others = [
      { ...consumer, topics: 'a', cluster: 'other' },
      { ...consumer, topics: 'a', d: true },
    ]
    assert.deepEqual(named(...others), [])
  })
})
