/**
 * The MQTT source of this package before Node-RED's own nodes and a sink that does not confirm at once: what is
 * sent again, what is held, and what is acknowledged.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connectAsync, type MqttClient } from 'mqtt'
import { startAedes } from '../../dev/services/mqtt'
import type { Service } from '../../dev/services/service'
import tenantMqttBroker from '../../nodes/tenant-mqtt-broker/tenant-mqtt-broker'
import tenantMqttSource from '../../nodes/tenant-mqtt-source/tenant-mqtt-source'
import type { NodeStatus } from '../../src/runtime/host'
import { PipelineError } from '../../src/wire/errors'
import { clockAheadBy } from '../support/clock-ahead'
import { func, node, permanent, sink } from '../support/delivery-flow'
import { deliveryNodes, type TestSink } from '../support/delivery-nodes'
import {
  deploy,
  helper,
  loadFlow,
  loggedCodes,
  startRuntime,
  stopRuntime,
  untilLogged,
  type FlowEntry,
} from '../support/runtime'
import { until } from '../support/until'

const TIMEOUT_MS = 1000

describe('the MQTT source in a flow', () => {
  let broker: Service
  let publisher: MqttClient
  let name: string

  before(async () => {
    await startRuntime()
    broker = await startAedes()
    publisher = await connectAsync(broker.address)
  })
  after(async () => {
    await publisher.endAsync(true)
    await broker.stop()
    await stopRuntime()
  })
  beforeEach(() => (name = `t${randomBytes(5).toString('hex')}`))
  afterEach(() => helper.unload())

  const sinkOf = (id = 'sink'): TestSink => helper.getNode(id) as TestSink
  const payloads = (id?: string): string[] => sinkOf(id).received.map(({ payload }) => String(payload))
  const flow = (wires: string[][], ...more: FlowEntry[]): FlowEntry[] => [
    { id: 'tab', type: 'tab' },
    { id: 'broker', type: 'tenant-mqtt-broker', url: broker.address, clientId: name },
    node(
      'source',
      'tenant-mqtt-source',
      { broker: 'broker', topic: `${name}/#`, deliveryTimeoutMs: TIMEOUT_MS },
      ...wires,
    ),
    ...more,
  ]

  /** The latest status of the source; the helper's spy sees those of all nodes. */
  function status(): NodeStatus {
    const source = helper.getNode('source') as {
      status: { getCalls(): { thisValue: unknown; args: [NodeStatus] }[] }
    }
    const calls = source.status.getCalls().filter(({ thisValue }) => thisValue === source)
    return calls.at(-1)?.args[0] ?? {}
  }

  const logged = (): string[] => loggedCodes('source')

  async function start(entries: FlowEntry[]): Promise<void> {
    await loadFlow([deliveryNodes, tenantMqttBroker, tenantMqttSource], entries)
    await until('the source has subscribed', () => /\/s/.test(String(status().text)))
  }

  const publish = (...texts: string[]): Promise<unknown> =>
    Promise.all(texts.map((text) => publisher.publishAsync(`${name}/device`, text, { qos: 1 })))
  const acknowledged = (): Promise<void> =>
    until('all is acknowledged', () => / 0 in flight/.test(String(status().text)))

  it('sends no second copy of what a sink holds for longer than the timeout', async () => {
    const swallow = func('n', 'if (msg.payload == "swallowed") return; node.send(msg); node.done()', ['sink'])
    await start(flow([['n'], []], swallow, sink(), sink('again')))
    const held = (sinkOf().holding = [])
    await publish('held')
    await until('the sink holds it', () => held.length === 1)
    // What comes later and is kept by a node that is no sink has timed out: the time is up for the first one, too.
    await publish('swallowed')
    await until('the later one is late', () => /moved|timeout|stalled/i.test(String(status().text)))
    assert.deepEqual(payloads(), ['held'])
    ;(held as TestSink['holding'] & object)[0]?.confirm()
    await until('one is left', () => / 1 in flight/.test(String(status().text)))
  })

  it('holds what failed for good while no output takes it: red, not acknowledged, and sent out once one is wired', async () => {
    await start(flow([['sink'], []], sink(), sink('letters')))
    sinkOf().failure = permanent
    await publish('bad')
    await until('it is held', () =>
      /1 failed and held: .* · wire the second output$/.test(String(status().text)),
    )
    assert.equal(status().fill, 'red')
    assert.ok(logged().includes('MESSAGES_HELD'))
    assert.equal(payloads().length, 1)
    await deploy(flow([['sink'], ['letters']], sink(), sink('letters')), 'nodes')
    await until('it is stored as a failed message', () => payloads('letters').includes('bad'))
    await acknowledged()
  })

  it('says in the log that messages are sent again, and, when none was for a minute, that this is over', async () => {
    await start(flow([['sink'], []], sink()))
    sinkOf().failure = new PipelineError('AWAY', 'the sink is away', { retryable: true })
    await publish('a')
    await untilLogged('source', 'REDELIVERY')
    sinkOf().failure = undefined
    await acknowledged()
    assert.equal(logged().includes('REDELIVERY_OVER'), false)
    await clockAheadBy(61_000, () => untilLogged('source', 'REDELIVERY_OVER'))
  })

  it('counts in the log what the flow has ended on purpose, and acknowledges it', async () => {
    await start(flow([['n'], []], func('n', 'return null', ['sink']), sink()))
    await publish('a')
    await until('it is counted', () => logged().includes('FILTERED'))
    await acknowledged()
  })

  it('hands what the flow has ended to the second output when that is a failure, and acknowledges it then', async () => {
    const [tab, mqtt, source, ...rest] = flow(
      [['n'], ['letters']],
      func('n', 'return null', ['sink']),
      sink(),
    )
    await start([tab!, mqtt!, { ...source!, whenFiltered: 'fail' }, ...rest, sink('letters')])
    await publish('a')
    await until('it is a failed message', () => payloads('letters').includes('a'))
    assert.equal((sinkOf('letters').received[0]?.error as { code: string }).code, 'FLOW_ENDED')
    await acknowledged()
    assert.equal(logged().includes('FILTERED'), false)
  })

  it('holds what the flow has ended when that is a failure and nothing is wired: red, and not acknowledged', async () => {
    const [tab, mqtt, source, ...rest] = flow([['n'], []], func('n', 'return null', ['sink']), sink())
    await start([tab!, mqtt!, { ...source!, whenFiltered: 'fail' }, ...rest])
    await publish('a')
    await until('it is held', () => /1 failed and held: the flow ended/.test(String(status().text)))
    assert.equal(status().fill, 'red')
  })

  it('warns of a Join downstream, in a subflow too, in status and log, until a deploy removes it', async () => {
    const join = node('n', 'join', { mode: 'auto' }, ['sink'])
    const subflow = [
      { id: 'sub', type: 'subflow', name: 's', in: [{ wires: [{ id: 'inner' }] }], out: [] },
      { ...join, id: 'inner', z: 'sub', wires: [[]] },
    ]
    await start(flow([['n'], []], join, sink()))
    await until('the status says so', () => /join node merges messages/.test(String(status().text)))
    assert.equal(status().fill, 'yellow')
    assert.ok(logged().includes('FLOW_MERGES'))
    await deploy(flow([['sink'], []], join, sink()), 'nodes')
    await until('it is forgotten', () => status().fill === 'green')
    await deploy(flow([['n'], []], ...subflow, node('n', 'subflow:sub', {}), sink()), 'nodes')
    await until('the status says so again', () => /join node merges messages/.test(String(status().text)))
  })

  for (const [type, config, code] of [
    ['trigger', { op2type: 'payl', duration: '250', units: 'ms' }, 'FLOW_SENDS_LATER'],
    ['batch', { mode: 'count', count: 10, overlap: 0 }, 'FLOW_HOLDS'],
  ] as const) {
    it(`warns of a ${type} node downstream: ${code}`, async () => {
      await start(flow([['n'], []], node('n', type, config, ['sink']), sink()))
      await untilLogged('source', code)
    })
  }

  it('warns of a Switch that drops whole batches, until the source sends single messages', async () => {
    const rules = { property: 'payload', rules: [{ t: 'eq', v: 'wanted', vt: 'str' }], outputs: 1 }
    const entries = (mode?: string): FlowEntry[] => {
      const [tab, mqtt, source, ...rest] = flow([['n'], []], node('n', 'switch', rules, ['sink']), sink())
      return [tab!, mqtt!, { ...source!, mode }, ...rest]
    }
    await start(entries('batch'))
    await until('the status says so', () => /switch node sees whole batches/.test(String(status().text)))
    assert.equal(status().fill, 'yellow')
    assert.ok(logged().includes('FLOW_SEES_BATCH'))
    await publish('wanted')
    await until('it is counted as dropped', () => logged().includes('FILTERED'))
    assert.deepEqual(payloads(), [])
    await deploy(entries(), 'nodes')
    await until('a source without the option sends single messages', () => status().fill === 'green')
    await publish('wanted')
    await until('it arrives', () => payloads().includes('wanted'))
  })

  it('sends again, by the new wires, what a node had that a deploy has removed', async () => {
    const keeper = node('n', 'delay', { pauseType: 'delay', timeout: '1', timeoutUnits: 'hours' }, ['sink'])
    const entries = (...wires: string[]) => flow([wires, []], sink())
    await start([...entries('n'), keeper])
    await publish('a', 'b')
    await until('both are in the Delay node', () => / 2 in flight/.test(String(status().text)))
    await deploy(entries('sink'), 'nodes')
    await until('both are stored', () => payloads().length >= 2)
    assert.deepEqual([...new Set(payloads())].sort(), ['a', 'b'])
    await acknowledged()
  })

  it('gets everything through a rate limit whose queue is longer than the timeout', async () => {
    const limit = { pauseType: 'rate', rate: '10', nbRateUnits: '1', rateUnits: 'second' }
    await start(flow([['n'], []], node('n', 'delay', limit, ['sink']), sink()))
    const texts = Array.from({ length: 30 }, (_, index) => String(index))
    await publish(...texts)
    await until('all have come', () => new Set(payloads()).size === texts.length)
    await acknowledged()
    assert.equal(sinkOf().late.filter(({ settled }) => settled !== 'failed').length, 0)
  })
})
