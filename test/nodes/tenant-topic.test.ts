import assert from 'node:assert/strict'
import type { Node } from 'node-red'
import type { Message } from '../../src/wire/message'
import tenantTopic from '../../nodes/tenant-topic/tenant-topic'
import { deliveryNodes, type TestSink, type TestSource } from '../support/delivery-nodes'
import { deploy, helper, loadFlow, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'

const PATTERN = 'rt/{tenant}/{project}/{device}'
const tab = { id: 'tab', type: 'tab', label: 'test' }
const source = { id: 'source', type: 'test-source', z: 'tab', wires: [['topic']] }
const matched = { id: 'matched', type: 'test-sink', z: 'tab', wires: [] }
const unmatched = { ...matched, id: 'unmatched' }
const topic = (wires: string[][], more: object = {}): FlowEntry => ({
  id: 'topic',
  type: 'tenant-topic',
  name: 'names',
  z: 'tab',
  pattern: PATTERN,
  wires,
  ...more,
})
const both = topic([['matched'], ['unmatched']])
const single = (name: string) => ({ topic: name, payload: Buffer.from('bytes') })

async function run(node: FlowEntry): Promise<{ from: TestSource; sinkOf: (id: string) => Message[] }> {
  await loadFlow([deliveryNodes, tenantTopic], [tab, source, node, matched, unmatched])
  return {
    from: helper.getNode('source') as TestSource,
    sinkOf: (id) => (helper.getNode(id) as TestSink).received,
  }
}

describe('tenant-topic', () => {
  before(startRuntime)
  after(stopRuntime)
  afterEach(() => helper.unload())

  it('names the tenant and sends the message on', async () => {
    const { from, sinkOf } = await run(both)
    assert.equal((await from.emitMessage(single('rt/acme/north/d1'))).outcome, 'delivered')
    const [message] = sinkOf('matched')
    assert.equal(message?.tenant, 'acme')
    assert.deepEqual(message.kafka, { topic: 'iot-messages', key: 'acme/north/d1' })
    assert.deepEqual(message.payload, Buffer.from('bytes'))
    assert.equal(sinkOf('unmatched').length, 0)
  })

  it('sends what does not match to the second output, with the reason', async () => {
    const { from, sinkOf } = await run(both)
    assert.equal((await from.emitMessage(single('elsewhere'))).outcome, 'delivered')
    // As JSON: for the tracker there is a symbol on it as well.
    assert.deepEqual(JSON.parse(JSON.stringify(sinkOf('unmatched')[0]?.error)), {
      message:
        'topic "elsewhere" does not match "rt/{tenant}/{project}/{device}": the topic has 1 of at least 4 levels',
      code: 'TOPIC_NO_MATCH',
      source: { id: 'topic', type: 'tenant-topic', name: 'names' },
    })
    assert.equal(sinkOf('matched').length, 0)
  })

  it('fails for good what does not match when the second output leads nowhere', async () => {
    const { from } = await run(topic([['matched'], []]))
    const { outcome, error } = await from.emitMessage(single('elsewhere'))
    assert.equal(outcome, 'failed')
    assert.equal(error?.retryable, false)
    assert.equal(error.code, 'TOPIC_NO_MATCH')
  })

  it('looks at the wires as they are, also when a deploy has only moved them', async () => {
    const { from } = await run(topic([['matched'], []]))
    const moved = [tab, source, topic([['matched'], ['unmatched']]), matched, unmatched]
    await deploy(moved, 'nodes')
    assert.equal((await from.emitMessage(single('elsewhere'))).outcome, 'delivered')
  })

  it('takes what does not match out of a batch; the rest stays one message of the same delivery', async () => {
    const { from, sinkOf } = await run(both)
    const payload = ['rt/a/p/d1', 'bad', 'rt/a/p/d2', 'worse'].map(single)
    assert.equal((await from.emitMessage({ batch: true, payload })).outcome, 'delivered')
    assert.deepEqual(
      sinkOf('matched').map((message) => (message.payload as Message[]).map(({ device }) => device)),
      [['d1', 'd2']],
    )
    assert.deepEqual(
      sinkOf('unmatched').map((message) => message.topic),
      ['bad', 'worse'],
    )
  })

  it('fails a batch with an unmatched record when the second output leads nowhere; the others continue', async () => {
    const { from, sinkOf } = await run(topic([['matched'], []]))
    const payload = ['rt/a/p/d1', 'bad'].map(single)
    assert.equal((await from.emitMessage({ batch: true, payload })).outcome, 'failed')
    assert.equal((sinkOf('matched')[0]?.payload as Message[]).length, 1)
  })

  it('gives a Catch node only the records of a batch that did not match', async () => {
    await loadFlow(
      [deliveryNodes, tenantTopic],
      [
        tab,
        source,
        topic([['matched'], []]),
        matched,
        unmatched,
        { id: 'catch', type: 'catch', z: 'tab', scope: null, uncaught: false, wires: [['unmatched']] },
      ],
    )
    const payload = ['rt/a/p/d1', 'bad'].map(single)
    const { outcome } = await (helper.getNode('source') as TestSource).emitMessage({ batch: true, payload })
    assert.equal(outcome, 'delivered')
    const caught = (helper.getNode('unmatched') as TestSink).received
    assert.deepEqual(
      caught.map((message) => (message.payload as Message[]).map((record) => record.topic)),
      [['bad']],
    )
  })

  it('says at deploy what is wrong with the pattern, and lets messages be tried again', async () => {
    const { from } = await run(topic([['matched'], ['unmatched']], { pattern: 'rt/{tenant}/#/x' }))
    const { outcome, error } = await from.emitMessage(single('rt/acme/north/d1'))
    assert.equal(outcome, 'failed')
    assert.equal(error?.retryable, true)
    assert.match(error.message, /"#" stands at level 3/)
    assert.ok((helper.getNode('topic') as Node).type === 'tenant-topic')
  })
})
