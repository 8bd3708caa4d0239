/**
 * The MQTT source in a real Node-RED, against real brokers: Mosquitto where it matters what a broker keeps and
 * when, aedes where two brokers must agree.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connectAsync, type IClientPublishOptions, type MqttClient } from 'mqtt'
import { startMosquitto, type Mosquitto, type MosquittoOptions } from '../../dev/services/mosquitto'
import { startAedes } from '../../dev/services/mqtt'
import brokerNode from '../../nodes/tenant-mqtt-broker/tenant-mqtt-broker'
import sourceNode from '../../nodes/tenant-mqtt-source/tenant-mqtt-source'
import type { Message } from '../../src/wire/message'
import { PipelineError } from '../../src/wire/errors'
import { deliveryNodes, type TestSink } from '../support/delivery-nodes'
import {
  deploy,
  helper,
  loadFlow,
  loggedCodes,
  startRuntime,
  stopRuntime,
  type FlowEntry,
} from '../support/runtime'
import { startScriptedBroker } from '../support/scripted-broker'
import { SourceFlow, type SourceFlowOptions } from '../support/source-flow'
import { until } from '../support/until'

const modules = [brokerNode, sourceNode, deliveryNodes]

type FlowOptions = Omit<SourceFlowOptions, 'name' | 'more'>

/** A new session and topic for each test. */
let name = ''
let publisher: MqttClient | undefined

const flow = (options: FlowOptions): FlowEntry[] =>
  SourceFlow.entries({ ...options, name, more: [{ id: 'failed', z: 'tab', type: 'test-sink', wires: [] }] })

const sink = (id = 'sink'): TestSink => helper.getNode(id) as TestSink
const payloads = (id?: string): string[] => sink(id).received.map(({ payload }) => String(payload))
const held = (): NonNullable<TestSink['holding']> => sink().holding as NonNullable<TestSink['holding']>

let source: SourceFlow

async function start(options: FlowOptions, waitForConnection = true): Promise<void> {
  await loadFlow(modules, flow(options))
  source = SourceFlow.attach()
  if (waitForConnection) await source.untilConnected()
}

async function publish(
  url: string,
  texts: readonly (string | Buffer)[],
  options: IClientPublishOptions = { qos: 1 },
): Promise<void> {
  const client = (publisher ??= await connectAsync(url, { protocolVersion: 5 }))
  await Promise.all(texts.map((text) => client.publishAsync(`${name}/device`, text, options)))
}

const numbered = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => String(from + i))

describe('MQTT source', () => {
  before(startRuntime)
  after(stopRuntime)
  beforeEach(() => (name = `t${randomBytes(5).toString('hex')}`))
  afterEach(async () => {
    await helper.unload()
    await publisher?.endAsync(true)
    publisher = undefined
  })

  function withMosquitto(options: MosquittoOptions = {}): () => Mosquitto {
    let broker: Mosquitto
    before(async () => (broker = await startMosquitto({ savesEveryChange: false, ...options })))
    after(() => broker.stop())
    return () => broker
  }

  describe('with a password in the address', () => {
    const mosquitto = withMosquitto()
    const withLogin = (): string => mosquitto().address.replace('//', '//me:Qz7kW@')
    afterEach(() => delete process.env.TEST_MQTT_URL)

    it('takes it from an environment variable', async () => {
      process.env.TEST_MQTT_URL = withLogin()
      await start({ url: '${TEST_MQTT_URL}' })
    })

    it('refuses it in the flow file, says what to do instead, and does not show it', async () => {
      await start({ url: withLogin() }, false)
      await source.untilText(/^no password in the address$/)
      const log = helper
        .log()
        .args.flat()
        .map((entry) => JSON.stringify(entry))
      assert.ok(log.some((entry) => entry.includes('put user and password into the fields')))
      assert.ok(!log.some((entry) => entry.includes('Qz7kW')))
    })
  })

  for (const protocolVersion of ['5', '3.1.1'] as const) {
    describe(`with MQTT ${protocolVersion}`, () => {
      const mosquitto = withMosquitto()
      const settings = { protocolVersion }

      for (const qos of [0, 1, 2] as const) {
        it(`carries QoS ${qos} in order`, async () => {
          const url = mosquitto().address
          await start({ url, broker: settings, source: { qos: String(qos) } })
          await publish(url, numbered(300), { qos })
          await until('all have arrived', () => sink().received.length === 300)
          assert.deepEqual(payloads(), numbered(300))
          assert.equal(sink().received[0]?.qos, qos)
          await source.untilText(/ 0 in flight/)
        })
      }

      for (const qos of [1, 2] as const) {
        it(`joins what the broker repeats of QoS ${qos} after the connection was cut`, async () => {
          const broker = mosquitto()
          await start({ url: broker.address, broker: settings, source: { qos: String(qos) } })
          sink().holding = []
          await publish(broker.address, numbered(20), { qos })
          await until('all are held', () => held().length === 20)
          await publisher?.endAsync(true)
          publisher = undefined
          await broker.shutDown()
          await until('the loss is seen', () => source.status.fill === 'red')
          held()[3]?.confirm()
          await broker.restart()
          await source.untilConnected()
          await publish(broker.address, ['after'], { qos })
          await until('new messages come', () => payloads().includes('after'))
          assert.deepEqual(payloads(), [...numbered(20), 'after'])
          for (const copy of held()) if (copy !== held()[3]) copy.confirm()
          await source.untilText(/ 0 in flight/)
          await helper.unload()
          await start({ url: broker.address, broker: settings, source: { qos: String(qos) } })
          await publish(broker.address, ['last'], { qos })
          await until('new messages come', () => sink().received.length > 0)
          assert.deepEqual(payloads(), ['last'])
        })
      }
    })
  }

  describe('with what the broker sends', () => {
    const mosquitto = withMosquitto()

    it('acknowledges nothing before it is stored, and all that is stored before it closes', async () => {
      const url = mosquitto().address
      await start({ url })
      sink().holding = []
      await publish(url, numbered(50))
      await until('all are held', () => held().length === 50)
      const copies = held()
      // In order of arrival: 0 to 9 are acknowledged, 11 is stored but must wait for 10.
      for (const index of [...Array(10).keys(), 11]) copies[index]?.confirm()
      const closed = helper.unload()
      // The sink stores two more while the source closes.
      copies[10]?.confirm()
      copies[12]?.confirm()
      await closed
      await start({ url })
      await until('the rest has arrived again', () => sink().received.length === 37)
      assert.deepEqual(payloads(), numbered(37, 13))
    })

    it('passes on MQTT 5 properties, empty and large payloads', async () => {
      const url = mosquitto().address
      await start({ url, source: { messageId: 'userProperty', messageIdName: 'id' } })
      const large = randomBytes(2_000_000)
      const properties = { userProperties: { id: 'abc', colour: ['red', 'blue'] }, contentType: 'text/plain' }
      await publish(url, [large, ''], { qos: 1, properties })
      await until('both have arrived', () => sink().received.length === 2)
      const [first, second] = sink().received as [Message, Message]
      assert.ok(large.equals(first.payload as Buffer))
      assert.equal((second.payload as Buffer).length, 0)
      assert.ok(Buffer.isBuffer(second.payload))
      assert.equal(first.topic, `${name}/device`)
      assert.equal(first.messageId, 'abc')
      assert.equal(first.contentType, 'text/plain')
      assert.deepEqual(first.userProperties, properties.userProperties)
      assert.equal(first.retain, false)
      assert.equal(typeof first.receivedAt, 'number')
    })

    it('emits batches, and acknowledges them as one', async () => {
      const url = mosquitto().address
      await start({ url, source: { mode: 'batch', batchSize: 100 } })
      await publish(url, numbered(250))
      const records = (): Message[] => sink().received.flatMap(({ payload }) => payload as Message[])
      await until('all have arrived', () => records().length === 250)
      assert.deepEqual(
        records().map(({ payload }) => String(payload)),
        numbered(250),
      )
      assert.ok(sink().received.every((message) => message.batch === true))
      assert.ok(sink().received.length < 250)
      await source.untilText(/ 0 in flight/)
    })

    it('flushes a batch when a window of 20 is used up, in MQTT 3.1.1', async () => {
      const strict = await startMosquitto({ savesEveryChange: false, maxInflight: 20 })
      try {
        const lingerMs = 10_000
        await start({
          url: strict.address,
          broker: { protocolVersion: '3.1.1' },
          source: { mode: 'batch', batchSize: 500, windowMessages: 20, lingerMs },
        })
        await publish(strict.address, numbered(100))
        await until('all have arrived', () => sink().received.length >= 5)
      } finally {
        await helper.unload()
        await publisher?.endAsync(true)
        publisher = undefined
        await strict.stop()
      }
    })

    it('asks a retained message of a new subscription only', async () => {
      const url = mosquitto().address
      await publish(url, ['kept'], { qos: 1, retain: true })
      await start({ url })
      await until('it has arrived', () => sink().received.length === 1)
      assert.equal(sink().received[0]?.retain, true)
      await source.untilText(/ 0 in flight/)
      await helper.unload()
      await start({ url })
      await publish(url, ['new'])
      await until('the new one has arrived', () => sink().received.length > 0)
      assert.deepEqual(payloads(), ['new'])
    })
  })

  describe('when the flow fails', () => {
    const mosquitto = withMosquitto()
    const failWith = (retryable: boolean): PipelineError => new PipelineError('TEST', 'no', { retryable })

    it('emits again after a passing failure, with the same message id', async () => {
      const url = mosquitto().address
      await start({ url })
      sink().failure = failWith(true)
      await publish(url, ['a'])
      await until('it was tried twice', () => sink().received.length >= 2)
      sink().failure = undefined
      await source.untilText(/ 0 in flight/)
      const ids = new Set(sink().received.map(({ messageId }) => messageId))
      assert.equal(ids.size, 1)
    })

    it('sends what can never be stored to the second output, and acknowledges it when it is stored there', async () => {
      const url = mosquitto().address
      await start({ url, wires: [['sink'], ['failed']] })
      sink().failure = failWith(false)
      await publish(url, ['a'])
      await until('it has arrived', () => sink('failed').received.length === 1)
      const [message] = sink('failed').received as [Message]
      assert.deepEqual(message.error, {
        message: 'no',
        code: 'TEST',
        source: { id: 'source', type: 'tenant-mqtt-source' },
      })
      await source.untilText(/ 0 in flight/)
    })

    it('fails only the bad record of a batch', async () => {
      const url = mosquitto().address
      await start({ url, source: { mode: 'batch', lingerMs: 200 }, wires: [['sink'], ['failed']] })
      sink().failure = failWith(false)
      await publish(url, ['a', 'b', 'c'])
      await until('all were given up', () => sink('failed').received.length === 3)
      assert.deepEqual(
        sink('failed').received.map(({ payload }) => String((payload as Message[])[0]?.payload)),
        ['a', 'b', 'c'],
      )
    })

    it('holds what can never be stored while nothing is wired to the second output', async () => {
      const url = mosquitto().address
      await start({ url })
      sink().failure = failWith(false)
      await publish(url, ['a'])
      await source.untilText(/failed and held/)
      assert.equal(source.status.fill, 'red')
      await deploy(flow({ url, wires: [['sink'], ['failed']] }), 'full')
      await until('it has arrived', () => sink().received.length === 1)
    })

    it('connects only when the first output is wired', async () => {
      const url = mosquitto().address
      await start({ url, wires: [[], []] }, false)
      await source.untilText(/first output/)
    })
  })

  describe('when the flow is slow', () => {
    it('stands a flow that stops for longer than the keep-alive time', async () => {
      const broker = await startMosquitto({ savesEveryChange: false })
      try {
        const bounds = { windowMessages: 50 }
        await start({ url: broker.address, broker: { keepAliveSeconds: 2 }, source: bounds })
        sink().holding = []
        await publish(broker.address, numbered(200))
        await source.untilText(/waiting for the flow/)
        assert.ok(loggedCodes('source').includes('MQTT_RESTING'))
        const before = sink().received.length
        await new Promise((resolve) => setTimeout(resolve, 5000))
        assert.match(source.text, /waiting for the flow/)
        assert.equal(sink().received.length, before)
        const copies = held()
        sink().holding = undefined
        for (const copy of copies) copy.confirm()
        await until('all have arrived', () => new Set(payloads()).size === 200)
        assert.deepEqual([...new Set(payloads())], numbered(200))
        await source.untilText(/ 0 in flight/)
      } finally {
        await helper.unload()
        await publisher?.endAsync(true)
        publisher = undefined
        await broker.stop()
      }
    })

    it('keeps its bound although the broker ignores it', async () => {
      const broker = await startMosquitto({ savesEveryChange: false, maxInflight: 0 })
      try {
        const settings = { protocolVersion: '3.1.1' }
        await start({ url: broker.address, broker: settings, source: { windowMessages: 100 } })
        sink().holding = []
        await publish(broker.address, numbered(5000))
        await until('the window is full', () => sink().received.length === 100)
        await new Promise((resolve) => setTimeout(resolve, 500))
        assert.equal(sink().received.length, 100)
        const copies = held()
        sink().holding = undefined
        for (const copy of copies) copy.confirm()
        await until('all have arrived', () => sink().received.length === 5000)
        assert.deepEqual(payloads(), numbered(5000))
      } finally {
        await helper.unload()
        await publisher?.endAsync(true)
        publisher = undefined
        await broker.stop()
      }
    })
  })

  describe('when the broker is not as it should be', () => {
    it('says that the password is wrong, and not what it is', async () => {
      const user = { name: 'node', password: 'right' }
      const broker = await startMosquitto({ savesEveryChange: false, user })
      try {
        await loadFlow(modules, flow({ url: broker.address, broker: { user: 'node' } }), {
          broker: { password: 'secret-one' },
        })
        source = SourceFlow.attach()
        await until('it says so', () => /wrong user or password|not authorised/.test(source.text))
        assert.ok(!source.text.includes('secret-one'))
      } finally {
        await helper.unload()
        await broker.stop()
      }
    })

    it('connects when the broker appears', async () => {
      const broker = await startMosquitto({ savesEveryChange: false })
      try {
        await broker.shutDown()
        await start({ url: broker.address }, false)
        await until('it says so', () => source.text === 'MQTT: not reachable')
        await broker.restart()
        await source.untilConnected()
      } finally {
        await helper.unload()
        await broker.stop()
      }
    })

    it('tries several brokers in order', async () => {
      const broker = await startAedes()
      try {
        await start({ url: `mqtt://127.0.0.1:1, ${broker.address}` })
        await publish(broker.address, ['a'])
        await until('it has arrived', () => sink().received.length === 1)
      } finally {
        await helper.unload()
        await publisher?.endAsync(true)
        publisher = undefined
        await broker.stop()
      }
    })

    it('reports a session that the broker has lost', async () => {
      const broker = await startMosquitto({ savesEveryChange: false, config: ['persistence false'] })
      try {
        await start({ url: broker.address })
        await broker.shutDown()
        await until('the loss is seen', () => source.status.fill === 'red')
        await broker.restart()
        await source.untilText(/session lost, away since/)
      } finally {
        await helper.unload()
        await broker.stop()
      }
    })

    it('warns of a session that the broker keeps for a shorter time than it was asked for', async () => {
      const broker = await startScriptedBroker({ connack: { properties: { sessionExpiryInterval: 60 } } })
      try {
        await start({ url: broker.address })
        assert.ok(loggedCodes('source').includes('MQTT_EXPIRY'))
      } finally {
        await helper.unload()
        await broker.stop()
      }
    })

    it('refuses set-ups that lose messages, until they are chosen', async () => {
      const url = 'mqtt://127.0.0.1:1'
      for (const [broker, text] of [
        [{ cleanSession: true }, /clean session/],
        [{ clientId: '' }, /no client ID/],
        [{ sessionExpirySeconds: 0 }, /session expiry is 0/],
      ] as const) {
        await start({ url, broker }, false)
        await source.untilText(text)
        await helper.unload()
        await start({ url, broker: { ...broker, allowUnsafe: true } }, false)
        const refused = 'clientId' in broker ? /no client ID/ : /not reachable/
        await source.untilText(refused)
        await helper.unload()
      }
    })
  })

  describe('at a deploy', () => {
    const mosquitto = withMosquitto()

    it('keeps the session and loses nothing', async () => {
      const url = mosquitto().address
      await start({ url })
      const seen = new Set<string>()
      const rounds = [100, 200, 300].map((_, round) => numbered(2000, round * 2000))
      for (const [round, type] of (['full', 'nodes', 'full'] as const).entries()) {
        const sending = publish(url, rounds[round] ?? [])
        await until('some have arrived', () => sink().received.length > 100)
        const before = sink()
        await deploy(flow({ url, source: { deliveryTimeoutMs: 20_000 + round } }), type)
        for (const { payload } of before.received) seen.add(String(payload))
        await sending
        await until('all have arrived', () => {
          for (const text of payloads()) seen.add(text)
          return seen.size === (round + 1) * 2000
        })
      }
      assert.deepEqual(
        [...seen]
          .map(Number)
          .sort((a, b) => a - b)
          .map(String),
        rounds.flat(),
      )
    })

    it('unsubscribes a filter that was removed', async () => {
      const url = mosquitto().address
      await start({ url, source: { topic: `${name}/#, other/${name}` } })
      await deploy(flow({ url }), 'full')
      source = SourceFlow.attach()
      await source.untilConnected()
      await publish(url, ['a'])
      await publisher?.publishAsync(`other/${name}`, 'b', { qos: 1 })
      await publish(url, ['c'])
      await until('the last has arrived', () => payloads().includes('c'))
      assert.deepEqual(payloads(), ['a', 'c'])
    })

    it('makes a second source with the same client id wait', async () => {
      const url = mosquitto().address
      const twice = flow({ url, source: { clientId: name } })
      const first = twice.find(({ id }) => id === 'source') as FlowEntry
      await loadFlow(modules, [...twice, { ...first, id: 'other', wires: [['failed'], []] }])
      await SourceFlow.attach('other').untilText(/client ID in use by node source/)
      assert.ok(loggedCodes('other').includes('MQTT_CLIENT_ID_TAKEN'))
    })
  })
})
