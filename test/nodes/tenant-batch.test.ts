/** The node `tenant-batch` in Node-RED, between its own nodes: once to split, once to join. */
import assert from 'node:assert/strict'
import type { Node } from 'node-red'
import tenantBatch from '../../nodes/tenant-batch/tenant-batch'
import type { Settlement } from '../../src/delivery/delivery'
import { PipelineError } from '../../src/wire/errors'
import { recordsOf, type Message } from '../../src/wire/message'
import { catchAll, func, node, sink, source, tab, turns } from '../support/delivery-flow'
import { deliveryNodes, type TestSink, type TestSource } from '../support/delivery-nodes'
import { deploy, helper, loadFlow, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'
import { until } from '../support/until'

const split = (...wires: string[]): FlowEntry => node('split', 'tenant-batch', { mode: 'split' }, wires)
const join = (...wires: string[]): FlowEntry => node('join', 'tenant-batch', { mode: 'join' }, wires)
/** Between the two. */
const between = (...nodes: FlowEntry[]): FlowEntry[] => [
  source('split'),
  split('between'),
  ...nodes,
  join('sink'),
  sink(),
]
const RANGE = { clusterId: 'c', group: 'g', topic: 't', partition: 0, firstOffset: 0, nextOffset: 9 }
const batchOf = (letters: string): Message => ({
  batch: true,
  kafka: { ...RANGE },
  payload: [...letters].map((payload, offset) => ({ payload, kafka: { offset } })),
})
const lettersOf = (message: Message | undefined): string =>
  recordsOf(message ?? {})
    .map(({ payload }) => String(payload))
    .join('')

async function run(flow: FlowEntry[], message = batchOf('abcd'), timeoutMs = 5000) {
  await loadFlow([deliveryNodes, tenantBatch], [tab, ...flow])
  return emit(message, timeoutMs)
}

async function emit(message: Message, timeoutMs = 5000) {
  const settlement = await (helper.getNode('source') as TestSource).emitMessage(message, timeoutMs)
  return { settlement, received: received() }
}

function received(id = 'sink'): Message[] {
  return (helper.getNode(id) as TestSink).received
}

const numbersOf = ({ stored }: Settlement): number[] => [...(stored ?? [])]

describe('tenant-batch', () => {
  before(startRuntime)
  after(stopRuntime)
  afterEach(() => helper.unload())

  it('splits a batch into messages that nodes look at one by one, and joins them into the same batch', async () => {
    const upper = func('between', 'msg.payload = msg.payload.toUpperCase(); return msg', ['join'])
    const { settlement, received } = await run(between(upper))
    assert.equal(settlement.outcome, 'delivered')
    assert.equal(received.length, 1)
    const [message] = received
    assert.equal(lettersOf(message), 'ABCD')
    assert.equal(message?.batch, true)
    assert.deepEqual(message.kafka, RANGE)
    assert.deepEqual(JSON.parse(JSON.stringify(message.payload)), [
      { payload: 'A', kafka: { offset: 0 } },
      { payload: 'B', kafka: { offset: 1 } },
      { payload: 'C', kafka: { offset: 2 } },
      { payload: 'D', kafka: { offset: 3 } },
    ])
  })

  it('gives each message an id of its own, and the properties that the flow has put on the batch', async () => {
    const [message, site] = [batchOf('ab'), { name: 'A' }]
    const note = func('between', 'msg.id = msg._msgid; msg.site.name += msg.payload; return msg', ['join'])
    const { received } = await run(between(note), { ...message, site })
    const records = recordsOf(received[0]!)
    assert.equal(new Set(records.map(({ id }) => id)).size, 2)
    assert.deepEqual(
      records.map((record) => record.site),
      [{ name: 'Aa' }, { name: 'Ab' }],
    )
    assert.deepEqual(received[0]?.site, { name: 'A' })
  })

  it('keeps the order of the records, whatever the order in which they come', async () => {
    const late = func(
      'between',
      'setTimeout(() => { node.send(msg); node.done() }, msg.payload === "a" ? 40 : 0)',
      ['join'],
    )
    const { settlement, received } = await run(between(late))
    assert.equal(settlement.outcome, 'delivered')
    assert.deepEqual(received.map(lettersOf), ['abcd'])
  })

  it('joins what a Switch has not dropped', async () => {
    const rules = [{ t: 'lt', v: 'c', vt: 'str' }]
    const half = node(
      'between',
      'switch',
      { property: 'payload', propertyType: 'msg', rules, checkall: 'true', outputs: 1 },
      ['join'],
    )
    const { settlement, received } = await run(between(half))
    assert.equal(settlement.outcome, 'delivered')
    assert.deepEqual(received.map(lettersOf), ['ab'])
    assert.deepEqual(received[0]?.kafka, RANGE)
  })

  it('waits for a Switch whose queue takes longer than its grace', async () => {
    const rules = ['a', 'b'].map((v) => ({ t: 'eq', v, vt: 'str' }))
    const config = { property: 'payload', propertyType: 'msg', rules, checkall: 'true', outputs: 2 }
    const busy = 'const end = Date.now() + 8; while (Date.now() < end); return null'
    const nodes = between(node('between', 'switch', config, ['join'], ['slow']), func('slow', busy, ['join']))
    const { settlement, received } = await run(nodes, batchOf(`a${'bccc'.repeat(150)}a`), 20_000)
    assert.deepEqual(received.map(lettersOf), ['aa'])
    assert.equal(settlement.outcome, 'delivered')
  })

  it('ends a batch of which the flow has dropped everything', async () => {
    const { settlement, received } = await run(between(func('between', 'return null', ['join'])))
    assert.deepEqual([settlement.outcome, received.length], ['filtered', 0])
  })

  it('puts both messages that a Function node makes of one into the batch, at the place of the record', async () => {
    const twice = func('between', 'return [[msg, { ...msg, payload: msg.payload.toUpperCase() }]]', ['join'])
    const { settlement, received } = await run(between(twice))
    assert.equal(settlement.outcome, 'delivered')
    assert.deepEqual(received.map(lettersOf), ['aAbBcCdD'])
  })

  it('knows the records of messages that a Function node has rebuilt', async () => {
    const rebuilt = 'if (msg.payload === "b") throw new Error("no"); return { payload: msg.payload }'
    const { settlement, received } = await run(between(func('between', rebuilt, ['join'])))
    assert.equal(settlement.outcome, 'failed')
    assert.deepEqual(received.map(lettersOf), ['acd'])
    assert.deepEqual(numbersOf(settlement), [0, 2, 3])
  })

  it('sends the rest of a batch of which one message has failed, and that one stays a failure', async () => {
    const fails = func('between', 'if (msg.payload === "b") throw new Error("no"); return msg', ['join'])
    const { settlement, received } = await run(between(fails))
    assert.deepEqual(received.map(lettersOf), ['acd'])
    assert.equal(settlement.outcome, 'failed')
    assert.equal(settlement.failedAt, 'between')
    assert.deepEqual(numbersOf(settlement), [0, 2, 3])
  })

  it('waits for what a dead letter after a Catch node stores, and the batch is then delivered', async () => {
    const fails = func('between', 'if (msg.payload === "b") throw new Error("no"); return msg', ['join'])
    await loadFlow([deliveryNodes, tenantBatch], [tab, ...between(fails), catchAll('dead'), sink('dead')])
    const dead = helper.getNode('dead') as TestSink
    dead.holding = []
    const emitted = emit(batchOf('abcd'))
    await until('the dead letter comes', () => dead.holding?.length === 1)
    await turns(20)
    assert.equal(received().length, 0, 'the batch waits')
    dead.holding[0]!.confirm()
    assert.equal((await emitted).settlement.outcome, 'delivered')
    assert.deepEqual(received().map(lettersOf), ['acd'])
  })

  it('ends the failure of a message that a Catch node has led to the join, when the batch is stored', async () => {
    const fails = func('between', 'if ("bc".includes(msg.payload)) throw new Error("no"); return msg', [
      'join',
    ])
    const { settlement, received } = await run([...between(fails), catchAll('join')])
    assert.deepEqual(received.map(lettersOf), ['abcd'])
    assert.equal(settlement.outcome, 'delivered')
  })

  it('shares the failure of a batch: a message that is stored alone does not end that of the others', async () => {
    const first = func('first', 'throw new Error("no")', ['sink'])
    const one = func('between', 'return msg.payload === "b" ? msg : null', ['sink'])
    const { settlement, received } = await run([
      source('first'),
      first,
      catchAll('split'),
      split('between'),
      one,
      sink(),
    ])
    assert.deepEqual(received.map(lettersOf), ['b'])
    assert.equal(settlement.outcome, 'failed')
    assert.deepEqual(numbersOf(settlement), [1])
  })

  it('fails a batch of which a node has swallowed a message, with the name of that node', async () => {
    const swallows = func('between', 'if (msg.payload === "b") return; node.send(msg); node.done()', ['join'])
    const config = { ...swallows, func: `setTimeout(() => { ${swallows.func as string} })` }
    const { settlement, received } = await run(between(config), batchOf('abc'), 300)
    assert.equal(settlement.outcome, 'failed')
    assert.equal(settlement.error?.code, 'DELIVERY_STALLED')
    assert.match(settlement.error.message, /last seen at function between\)/)
    assert.equal(settlement.failedAt, 'between')
    assert.equal(received.length, 0)
  })

  it('refuses a message that comes after its batch has left', async () => {
    const early = func(
      'between',
      'if (msg.payload !== "b") return msg; setTimeout(() => node.send(msg), 100)',
      ['join'],
    )
    await loadFlow([deliveryNodes, tenantBatch], [tab, ...between(early), catchAll('dead'), sink('dead')])
    const target = helper.getNode('sink') as TestSink
    target.holding = []
    const emitted = emit(batchOf('abc'))
    await until('the batch is there', () => target.holding?.length === 1)
    await until('the late message is refused', () => received('dead').length === 1)
    assert.equal((received('dead')[0]?.error as { code?: string }).code, 'LATE_COPY')
    target.holding[0]!.confirm()
    const { settlement } = await emitted
    assert.equal(settlement.outcome, 'delivered', 'the dead letter has it')
    assert.deepEqual(received().map(lettersOf), ['ac'])
  })

  it('fails a message for good that comes after its batch has left, so that its record leaves by the second output', async () => {
    const early = func(
      'between',
      'if (msg.payload !== "b") return msg; setTimeout(() => node.send(msg), 100)',
      ['join'],
    )
    await loadFlow([deliveryNodes, tenantBatch], [tab, ...between(early)])
    const target = helper.getNode('sink') as TestSink
    target.holding = []
    const emitted = emit(batchOf('abc'))
    await until('the batch is there', () => target.holding?.length === 1)
    const { tracker } = (helper.getNode('source') as TestSource).tracking
    const [delivery] = tracker.deliveries()
    await until('the late message is refused', () => (delivery?.failures?.size ?? 0) > 0)
    target.holding[0]!.confirm()
    const { settlement } = await emitted
    assert.equal(settlement.outcome, 'failed')
    assert.equal(settlement.error?.code, 'LATE_COPY')
    assert.equal(settlement.error.retryable, false)
    assert.deepEqual(numbersOf(settlement), [0, 2])
  })

  it('refuses a message whose batch is over, also one that a Function node has rebuilt', async () => {
    const later = func('between', 'setTimeout(() => node.send({ payload: msg.payload }), 100)', ['join'])
    await loadFlow([deliveryNodes, tenantBatch], [tab, ...between(later), catchAll('dead'), sink('dead')])
    assert.equal((await emit(batchOf('ab'))).settlement.outcome, 'filtered')
    await until('both are refused', () => received('dead').length === 2)
    assert.equal(received().length, 0)
  })

  it('loses nothing in a deploy that takes the join away with what waits there', async () => {
    const holds = func(
      'between',
      'if (msg.payload !== "c") return msg; setTimeout(() => { node.send(msg); node.done() }, 50)',
      ['join'],
    )
    const flow = [tab, ...between(holds)]
    await loadFlow([deliveryNodes, tenantBatch], flow)
    const emitted = emit(batchOf('abc'))
    await turns(3)
    await deploy(
      flow.map((entry) => (entry.id === 'join' ? { ...entry, name: 'changed' } : entry)),
      'nodes',
    )
    const { settlement } = await emitted
    assert.equal(settlement.outcome, 'failed')
    assert.equal(settlement.error?.code, 'FLOW_CHANGED')
    assert.equal(received().length, 0)
  })

  it('gathers each batch for itself', async () => {
    const mixed = func(
      'between',
      'setTimeout(() => { node.send(msg); node.done() }, 10 * "bdac".indexOf(msg.payload))',
      ['join'],
    )
    await loadFlow([deliveryNodes, tenantBatch], [tab, ...between(mixed)])
    await Promise.all([emit(batchOf('ab')), emit(batchOf('cd'))])
    assert.deepEqual(received().map(lettersOf).toSorted(), ['ab', 'cd'])
  })

  it('feeds several sinks, each through a join of its own', async () => {
    const sorts = func('between', 'return msg.payload < "c" ? [msg, null] : [null, msg]', ['join'], ['other'])
    const other = node('other', 'tenant-batch', { mode: 'join' }, ['others'])
    const { settlement } = await run([...between(sorts), other, sink('others')])
    assert.equal(settlement.outcome, 'delivered')
    assert.deepEqual([...received(), ...received('others')].map(lettersOf), ['ab', 'cd'])
  })

  it('passes on what is no batch of a source, as it is, and its status says so', async () => {
    await loadFlow([deliveryNodes, tenantBatch], [tab, ...between(func('between', 'return msg', ['join']))])
    assert.equal((await emit({ payload: 'single' })).settlement.outcome, 'delivered')
    ;(helper.getNode('split') as Node).receive({ payload: 'from elsewhere' })
    await until('both are there', () => received().length === 2)
    assert.deepEqual(
      received().map(({ payload }) => payload),
      ['single', 'from elsewhere'],
    )
  })

  it('fails an element that is no record, and the others are stored', async () => {
    const message = batchOf('abc')
    const spoil = func('first', 'msg.payload[1] = 7; return msg', ['split'])
    const pass = func('between', 'return msg', ['join'])
    const { settlement, received } = await run(
      [...between(pass).filter(({ id }) => id !== 'source'), source('first'), spoil],
      message,
    )
    assert.deepEqual(received.map(lettersOf), ['ac'])
    assert.equal(settlement.error?.code, 'RECORD_INVALID')
    assert.deepEqual(numbersOf(settlement), [0, 2])
  })

  it('joins batches whose sink fails, as often as the source sends them', async () => {
    await loadFlow([deliveryNodes, tenantBatch], [tab, ...between(func('between', 'return msg', ['join']))])
    const target = helper.getNode('sink') as TestSink
    target.failure = new PipelineError('AWAY', 'not now', { retryable: true })
    assert.equal((await emit(batchOf('ab'))).settlement.error?.code, 'AWAY')
    target.failure = undefined
    assert.equal((await emit(batchOf('ab'))).settlement.outcome, 'delivered')
    assert.deepEqual(received().map(lettersOf), ['ab', 'ab'])
  })
})
