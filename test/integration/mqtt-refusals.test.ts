/** What a broker refuses, or grants in part: reported, tried again with patience, never taken for granted. */
import assert from 'node:assert/strict'
import type { IConnackPacket } from 'mqtt-packet'
import type { HeldMessage } from '../../src/mqtt/session/acknowledgement-window'
import { parseBrokerUrls, type BrokerSettings } from '../../src/mqtt/connect/broker-settings'
import type { QoS } from '../../src/mqtt/connect/deferred-acknowledgement'
import { subscriptionNumber } from '../../src/mqtt/session/old-subscriptions'
import { MqttSession, type SessionOptions, type SessionState } from '../../src/mqtt/session/session'
import type { PipelineError } from '../../src/wire/errors'
import { startScriptedBroker, type Script, type ScriptedBroker } from '../support/scripted-broker'
import { until } from '../support/until'

describe('MQTT session, with a broker that refuses', () => {
  let broker: ScriptedBroker
  let session: MqttSession
  let states: SessionState[]
  let warnings: PipelineError[]
  let messages: HeldMessage[]
  let later = 0
  beforeEach(() => (later = 0))
  afterEach(async () => {
    await session.close()
    await broker.stop()
  })

  async function start(
    script: Script,
    settings: Partial<BrokerSettings> = {},
    qos: QoS = 1,
    maxMessages = 100,
    more: Partial<SessionOptions> = {},
  ) {
    broker = await startScriptedBroker(script)
    ;[states, warnings, messages] = [[], [], []]
    session = new MqttSession(
      {
        broker: {
          urls: parseBrokerUrls(broker.address),
          clientId: 'c',
          protocol: '5',
          keepAliveSeconds: 60,
          sessionExpirySeconds: 3600,
          queueMessages: 1000,
          cleanSession: false,
          safe: true,
          ...settings,
        },
        clientId: 'c',
        filters: new Map([['$share/g/t/#', qos]]),
        bounds: { maxMessages, maxBytes: 1e8 },
        memory: { filters: new Map(), lastConnectedMs: undefined },
        now: () => performance.now() + later,
        ...more,
      },
      {
        onMessage: (message) => messages.push(message),
        onState: (state) => states.push(state),
        onWarning: (warning) => warnings.push(warning),
        note: () => undefined,
      },
    )
    session.start()
  }
  const isConnected = (): boolean => states.at(-1)?.kind === 'connected'
  const waits = () => states.filter((state) => state.kind === 'waiting')

  /** It is said in these words, three times, with longer and longer pauses, and it never counts as connected. */
  async function refusedWith(code: string, statusText: string): Promise<void> {
    await until('it was refused three times', () => waits().length >= 3)
    const [first, second, third] = waits().map(({ delayMs }) => delayMs)
    assert.ok(first !== undefined && first >= 250, String(first))
    assert.ok(second !== undefined && second >= 500, String(second))
    assert.ok(third !== undefined && third >= 1000, String(third))
    for (const { error } of waits()) assert.deepEqual([error.code, error.statusText], [code, statusText])
    assert.ok(!states.some(({ kind }) => kind === 'connected'))
  }

  for (const [v3, v5, code, words] of [
    [4, 0x86, 'MQTT_CREDENTIALS', 'MQTT: wrong user or password'],
    [5, 0x87, 'MQTT_NOT_AUTHORIZED', 'MQTT: not authorised'],
    [2, 0x85, 'MQTT_CLIENT_ID', 'MQTT: client ID refused'],
    [3, 0x88, 'MQTT_UNAVAILABLE', 'MQTT: broker unavailable'],
  ] as const) {
    it(`reports CONNACK ${v5} in MQTT 5: ${words}`, async () => {
      await start({ connack: { reasonCode: v5 } })
      await refusedWith(code, words)
    })

    it(`reports CONNACK ${v3} in MQTT 3.1.1: ${words}`, async () => {
      await start({ connack: { returnCode: v3 } }, { protocol: '3.1.1' })
      await refusedWith(code, words)
    })
  }

  for (const [granted, protocol, words] of [
    [0x80, '3.1.1', /gives no reason/],
    [0x80, '5', /gives no reason/],
    [0x87, '5', /not authorised/],
    [0x9e, '5', /no shared subscriptions/],
    [0xa2, '5', /no wildcards/],
  ] as const) {
    it(`does not start with a subscription that was answered with ${granted} (${protocol})`, async () => {
      await start({ granted }, { protocol })
      await refusedWith('MQTT_SUBSCRIPTION', 'MQTT: subscription refused')
      assert.match(waits()[0]?.error.message ?? '', words)
    })
  }

  for (const [property, words, advice] of [
    ['sharedSubscriptionAvailable', 'shared subscriptions', /without \$share/],
    ['wildcardSubscriptionAvailable', 'wildcards in topics', /without \+ and #/],
  ] as const) {
    it(`does not ask a broker that has said that it has no ${words}`, async () => {
      await start({ connack: { properties: { [property]: false } } })
      await refusedWith('MQTT_FILTER_UNAVAILABLE', `refused: broker has no ${words}`)
      assert.match(waits()[0]?.error.message ?? '', advice)
      assert.equal(broker.subscribes.length, 0)
    })
  }

  it('does not start with a lower QoS than asked for', async () => {
    await start({ granted: 1, connack: { properties: { maximumQoS: 1 } } }, {}, 2)
    await refusedWith('MQTT_UNSAFE', 'refused: QoS 1 granted, not 2')
  })

  it('does not start with a broker that keeps no session', async () => {
    await start({ connack: { properties: { sessionExpiryInterval: 0 } } })
    await refusedWith('MQTT_UNSAFE', 'refused: broker keeps no session')
  })

  it('warns of a session that is kept for a shorter time than asked for, and continues', async () => {
    await start({ connack: { properties: { sessionExpiryInterval: 60 } } })
    await until('it is connected', isConnected)
    assert.deepEqual(
      warnings.map(({ statusText }) => statusText),
      ['session kept for 60 s only'],
    )
  })

  it('asks for its window, for a lasting session, and for retained messages of new subscriptions only', async () => {
    await start({})
    await until('it is connected', isConnected)
    const { clean, properties } = broker.connects[0] ?? {}
    assert.equal(clean, false)
    assert.deepEqual({ ...properties }, { receiveMaximum: 100, sessionExpiryInterval: 3600 })
    assert.equal(broker.subscribes[0]?.subscriptions[0]?.rh, 1)
  })

  async function reconnect(): Promise<void> {
    broker.cut()
    await until('the cut is seen', () => !isConnected())
    await until('it is connected again', isConnected)
  }

  it('sends its filters at each connection, in case the broker has come back without them', async () => {
    await start({ connack: { sessionPresent: true } })
    await until('it is connected', isConnected)
    later += 100 * 3_600_000
    await reconnect()
    await until('they are sent again', () => broker.subscribes.length === 2)
  })

  it('does so in MQTT 3.1.1 until the broker has saved them, because it repeats what it retains', async () => {
    await start({ connack: { sessionPresent: true } }, { protocol: '3.1.1' })
    await until('it is connected', isConnected)
    later += 40 * 60_000
    await reconnect()
    await until('they are sent again', () => broker.subscribes.length === 2)
    later += 40 * 60_000
    for (let round = 0; round < 3; round++) await reconnect()
    assert.equal(broker.subscribes.length, 2)
    assert.equal(broker.connects.length, 5)
  })

  it('leaves and comes back when a backlog fills the window before the broker has answered its filters', async () => {
    const connack: Partial<IConnackPacket> = { sessionPresent: true, properties: { serverKeepAlive: 2 } }
    const backlog = [1, 2, 3].map((messageId) => ({ messageId, payload: String(messageId) }))
    await start({ connack, backlog }, {}, 1, 2)
    await until('it has left', () => states.at(-1)?.kind === 'resting')
    for (const message of messages.splice(0)) session.settle(message)
    await until('the window is full again', () => messages.length === 2)
    for (const message of messages) session.settle(message)
    await until('it is connected', isConnected)
    assert.equal(waits().length, 0)
  })

  it('stays connected with a full window when the broker sets a keep-alive of 0', async () => {
    const connack: Partial<IConnackPacket> = { properties: { serverKeepAlive: 0 } }
    const publish = [1, 2, 3].map((messageId) => ({ messageId }))
    await start({ connack, publish }, {}, 1, 2)
    await until('the window is full', () => messages.length === 2)
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(isConnected())
    for (const message of messages) session.settle(message)
    await until('the next one is read', () => messages.length === 3)
    assert.ok(!states.some(({ kind }) => kind === 'resting'))
  })

  for (const [what, script] of [
    ['leaves a CONNECT of MQTT 5 without an answer', { mute: [5] }],
    ['closes at a CONNECT of MQTT 5', { closes: [5] }],
  ] as const)
    it(`takes MQTT 3.1.1 when the broker ${what}, and tries 5 once more at the next connection`, async () => {
      await start(script, { protocol: 'auto' }, 1, 100, { connectTimeoutMs: 300 })
      await until('it is connected', isConnected)
      const versions = () => broker.connects.map(({ protocolVersion }) => protocolVersion)
      assert.equal(versions().at(-1), 4)
      const before = versions().length
      await reconnect()
      assert.deepEqual(versions().slice(before), [5, 4])
    })

  it('does not take a network without an answer for a broker that does not know MQTT 5', async () => {
    const urls = parseBrokerUrls('mqtt://192.0.2.1:1883')
    await start({}, { protocol: 'auto', urls }, 1, 100, { connectTimeoutMs: 100 })
    await until('it was tried three times', () => waits().length >= 3)
    assert.ok(waits().every(({ error }) => error.code === 'MQTT_UNREACHABLE'))
  })

  it('asks for eight topic filters in a packet, and says which limit a filter exceeds', async () => {
    const filters = new Map<string, QoS>(Array.from({ length: 20 }, (_, index) => [`t${index}`, 1]))
    const noNumbers: Partial<IConnackPacket> = { properties: { subscriptionIdentifiersAvailable: false } }
    await start({ connack: noNumbers }, {}, 1, 100, { filters })
    await until('it is connected', isConnected)
    assert.deepEqual(
      broker.subscribes.map(({ subscriptions }) => subscriptions.length),
      [8, 8, 4],
    )
    await session.close()
    await broker.stop()
    const connack: Partial<IConnackPacket> = { properties: { maximumPacketSize: 64 } }
    await start({ connack }, {}, 1, 100, { filters: new Map([['t'.repeat(60), 1]]) })
    await refusedWith('MQTT_FILTER_UNAVAILABLE', 'refused: packets of up to 64 bytes')
  })

  it('gives each topic filter a number of its own, so that one that is added changes no other', async () => {
    const filters = new Map<string, QoS>(['a', 'b', 'c'].map((filter) => [filter, 1]))
    await start({}, {}, 1, 100, { filters })
    await until('it is connected', isConnected)
    assert.deepEqual(
      broker.subscribes.map(({ subscriptions, properties }) => [
        subscriptions.map(({ topic }) => topic),
        properties?.subscriptionIdentifier,
      ]),
      [...filters.keys()].map((filter) => [[filter], subscriptionNumber(filter)]),
    )
  })

  it('numbers its subscriptions unless the broker has no such numbers', async () => {
    for (const [available, isNumber] of [
      [undefined, true],
      [false, false],
    ] as const) {
      const properties = available === undefined ? {} : { subscriptionIdentifiersAvailable: available }
      await start({ connack: { properties } })
      await until('it is connected', isConnected)
      const { subscriptionIdentifier } = broker.subscribes[0]?.properties ?? {}
      assert.equal(typeof subscriptionIdentifier === 'number', isNumber)
      await session.close()
      await broker.stop()
    }
    await start({})
  })

  it('takes a message whose topic the broker has rewritten, when it comes with the number of the subscription', async () => {
    const filters = new Map<string, QoS>([['t/#', 1]])
    const properties = { subscriptionIdentifier: subscriptionNumber('t/#') }
    const publish = [
      { messageId: 1, topic: 'elsewhere', payload: 'ours', properties },
      { messageId: 2, topic: 'elsewhere', payload: 'not ours', properties: { subscriptionIdentifier: 7 } },
    ]
    await start({ connack: { sessionPresent: true }, publish }, {}, 1, 100, { filters })
    await until('it is there', () => messages.length === 1)
    for (const message of messages) session.settle(message)
    await until('both are acknowledged', () => broker.acknowledged.length === 2)
    assert.deepEqual(
      messages.map(({ payload }) => payload.toString()),
      ['ours'],
    )
  })

  it('leaves retained messages out when that is chosen, and acknowledges them', async () => {
    const publish = [
      { messageId: 1, topic: 't', payload: 'old', retain: true },
      { messageId: 2, topic: 't', payload: 'new' },
    ]
    await start({ publish }, {}, 1, 100, { retained: 'leaveOut' })
    await until('it is there', () => messages.length === 1)
    for (const message of messages) session.settle(message)
    await until('both are acknowledged', () => broker.acknowledged.length === 2)
    assert.deepEqual(
      messages.map(({ payload }) => payload.toString()),
      ['new'],
    )
  })

  it("does not hold the connection for longer than the broker's own keep-alive time allows", async () => {
    const connack: Partial<IConnackPacket> = { properties: { serverKeepAlive: 2 } }
    const publish = [1, 2, 3].map((messageId) => ({ messageId }))
    await start({ connack, publish }, { keepAliveSeconds: 65_535 }, 1, 2)
    await until('the window is full', () => messages.length === 2)
    await until('it has left', () => states.at(-1)?.kind === 'resting')
  })
})
