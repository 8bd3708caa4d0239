/**
 * What leaves an error output of this package is a failure until a sink has stored it: the same at each node that has
 * such an output, for a message and for a batch, whatever is wired to it.
 */
import assert from 'node:assert/strict'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import tenantKafkaProducer from '../../nodes/tenant-kafka-producer/tenant-kafka-producer'
import tenantTopic from '../../nodes/tenant-topic/tenant-topic'
import tenantValidate from '../../nodes/tenant-validate/tenant-validate'
import type { Settlement } from '../../src/delivery/delivery'
import type { Message } from '../../src/wire/message'
import { func, node, sink, source, tab } from '../support/delivery-flow'
import { deliveryNodes, type TestSink, type TestSource } from '../support/delivery-nodes'
import { createTestTopic, sharedKafka } from '../support/kafka'
import { readTopic } from '../support/kafka-log'
import { helper, loadFlow, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'

/** A node with an error output, a record that it takes, and one that it rejects. */
interface Case {
  readonly flow: (rejects: string[], config: object) => FlowEntry[]
  readonly good: object
  readonly bad: object
}

const TYPES = ['tenant-topic', 'tenant-validate', 'tenant-kafka-producer']

describe('what leaves an error output', () => {
  let topic: string
  let brokers: string
  before(async () => {
    await startRuntime()
    brokers = (await sharedKafka()).address
    topic = await createTestTopic(brokers, { partitions: 1 })
  })
  after(stopRuntime)
  afterEach(() => helper.unload())

  const cases: Readonly<Record<string, Case>> = {
    'tenant-topic': {
      flow: (rejects, config) => [
        node('node', 'tenant-topic', { pattern: 'rt/{tenant}', ...config }, ['sink'], rejects),
        sink(),
      ],
      good: { topic: 'rt/acme' },
      bad: { topic: 'elsewhere' },
    },
    'tenant-validate': {
      flow: (rejects, config) => [node('node', 'tenant-validate', config, ['sink'], rejects), sink()],
      good: { payload: '{}' },
      bad: { payload: 'b' },
    },
    'tenant-kafka-producer': {
      flow: (rejects, config) => [
        { id: 'cluster', type: 'tenant-kafka-cluster', brokers },
        node('node', 'tenant-kafka-producer', { cluster: 'cluster', topic, ...config }, rejects),
      ],
      good: {},
      bad: { kafka: { partition: -1 } },
    },
  }
  const outputs: Readonly<Record<string, readonly FlowEntry[]>> = {
    nothing: [],
    'a Debug node': [node('out', 'debug', { active: true })],
    'a Function node': [func('out', 'return null')],
    'a node that is switched off': [node('out', 'test-sink', { d: true })],
    'a sink': [sink('out')],
  }

  const emit = async (
    { flow, good, bad }: Case,
    { wired, batch, config = {} }: { wired: readonly FlowEntry[]; batch: boolean; config?: object },
  ): Promise<Settlement> => {
    const rejects = wired.map(({ id }) => id)
    await loadFlow(
      [deliveryNodes, tenantTopic, tenantValidate, tenantKafkaCluster, tenantKafkaProducer],
      [tab, source('node'), ...flow(rejects, config), ...wired],
    )
    const message: Message = batch
      ? {
          batch: true,
          payload: [
            { payload: 'a', ...good },
            { payload: 'b', ...bad },
            { payload: 'c', ...good },
          ],
        }
      : { payload: 'b', ...bad }
    return (helper.getNode('source') as TestSource).emitMessage(message, 20_000)
  }

  for (const type of TYPES) {
    for (const [what, wired] of Object.entries(outputs)) {
      for (const batch of [false, true]) {
        const isStored = what === 'a sink'
        const of = batch ? 'of a record of a batch' : 'of a message'
        it(`of ${type} is ${isStored ? 'safe' : 'a failure'} when ${what} gets it, ${of}`, async () => {
          const { outcome, error, stored } = await emit(cases[type] as Case, { wired, batch })
          assert.equal(outcome, isStored ? 'delivered' : 'failed')
          assert.equal(error?.retryable, isStored ? undefined : false)
          if (batch && !isStored) assert.deepEqual(stored, new Set([0, 2]))
          if (isStored) assert.equal((helper.getNode('out') as TestSink).received[0]?.payload, 'b')
        })
      }
    }

    it(`of ${type} may end anywhere when that was chosen`, async () => {
      const wired = outputs['a Debug node'] as FlowEntry[]
      const config = { deadLetters: 'outputUnstored' }
      const one = await emit(cases[type] as Case, { wired, batch: false, config })
      assert.equal(one.outcome, 'filtered')
      await helper.unload()
      const batch = await emit(cases[type] as Case, { wired, batch: true, config })
      assert.equal(batch.outcome, 'delivered')
    })
  }

  for (const type of TYPES) {
    it(`of ${type} does not get what has replaced the list of a batch: the batch fails`, async () => {
      const { flow, good } = cases[type] as Case
      const change = { rules: [{ t: 'set', p: 'payload', pt: 'msg', to: 'x', tot: 'str' }] }
      await loadFlow(
        [deliveryNodes, tenantTopic, tenantValidate, tenantKafkaCluster, tenantKafkaProducer],
        [tab, source('n'), node('n', 'change', change, ['node']), ...flow(['out'], {}), sink('out')],
      )
      const message: Message = {
        batch: true,
        ...good,
        payload: [
          { payload: 'a', ...good },
          { payload: 'b', ...good },
        ],
      }
      const { outcome, error } = await (helper.getNode('source') as TestSource).emitMessage(message, 20_000)
      assert.deepEqual([outcome, error?.code], ['failed', 'BATCH_LIST_LOST'])
      assert.equal((helper.getNode('out') as TestSink).received.length, 0)
    })
  }

  it('is each element of a batch that is no record, alone and whole', async () => {
    const own = await createTestTopic(brokers, { partitions: 1 })
    const odd = [null, Buffer.from('bytes'), 'text', 7, [1, 2]]
    for (const type of TYPES) {
      const { flow, good } = cases[type] as Case
      await loadFlow(
        [deliveryNodes, tenantTopic, tenantValidate, tenantKafkaCluster, tenantKafkaProducer],
        [tab, source('node'), ...flow(['out'], { topic: own }), sink('out')],
      )
      const payload = [{ payload: 'a', ...good }, ...odd, { payload: 'z', ...good }]
      const message: Message = { batch: true, payload }
      const { outcome } = await (helper.getNode('source') as TestSource).emitMessage(message, 20_000)
      assert.equal(outcome, 'delivered')
      const { received } = helper.getNode('out') as TestSink
      assert.deepEqual(
        received.map((rejected) => rejected.payload),
        odd,
      )
      await helper.unload()
    }
    const values = (await readTopic(brokers, own)).map(({ value }) => value?.toString())
    assert.deepEqual(values, ['a', 'z'])
  })
})
