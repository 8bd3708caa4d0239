/** The session against Mosquitto, over a network that fails. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { freePort } from '../../dev/services/free-port'
import { startAedes } from '../../dev/services/mqtt'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import type { HeldMessage } from '../../src/mqtt/session/acknowledgement-window'
import { parseBrokerUrls, type BrokerSettings } from '../../src/mqtt/connect/broker-settings'
import type { SessionMemory } from '../../src/mqtt/loss/client-ids'
import type { QoS } from '../../src/mqtt/connect/deferred-acknowledgement'
import type { OtherTopics } from '../../src/mqtt/session/old-subscriptions'
import { MqttSession, type SessionState } from '../../src/mqtt/session/session'
import { FaultProxy } from '../faults/fault-proxy'
import { until } from '../support/until'

interface Watched {
  readonly session: MqttSession
  readonly messages: HeldMessage[]
  readonly warnings: string[]
  readonly notes: string[]
  readonly states: SessionState[]
}

interface Choices {
  readonly qos?: QoS
  readonly maxMessages?: number
  readonly filters?: ReadonlyMap<string, QoS>
  /** One of several clients: makes its client id, and a memory of its own. */
  readonly member?: string
  readonly otherTopics?: OtherTopics
}

describe('MQTT session', () => {
  let broker: Mosquitto
  let publisher: MqttClient
  let proxy: FaultProxy
  let name = ''
  let memory: SessionMemory
  const open: MqttSession[] = []

  before(async () => {
    broker = await startMosquitto({ savesEveryChange: false, config: ['max_keepalive 65535'] })
    publisher = await connectAsync(broker.address, { protocolVersion: 5 })
  })
  after(async () => {
    await publisher.endAsync(true)
    await broker.stop()
  })
  beforeEach(async () => {
    name = randomBytes(5).toString('hex')
    memory = { filters: new Map(), lastConnectedMs: undefined }
    proxy = await FaultProxy.start(broker.port)
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((session) => session.close()))
    await proxy.stop()
  })

  function start(
    settings: Partial<BrokerSettings> = {},
    { qos = 1, maxMessages = 1000, filters, member = '', otherTopics }: Choices = {},
  ): Watched {
    const watched = {
      messages: [] as HeldMessage[],
      warnings: [] as string[],
      notes: [] as string[],
      states: [] as SessionState[],
    }
    const session = new MqttSession(
      {
        broker: {
          urls: parseBrokerUrls(`127.0.0.1:${proxy.port}`),
          clientId: name,
          protocol: 'auto',
          keepAliveSeconds: 60,
          sessionExpirySeconds: 3600,
          queueMessages: 1000,
          cleanSession: false,
          safe: true,
          ...settings,
        },
        clientId: name + member,
        filters: filters ?? new Map([[name, qos]]),
        bounds: { maxMessages, maxBytes: 1e8 },
        ...(otherTopics && { otherTopics }),
        memory: member === '' ? memory : { filters: new Map(), lastConnectedMs: undefined },
      },
      {
        onMessage: (message) => watched.messages.push(message),
        onState: (state) => watched.states.push(state),
        onWarning: ({ code }) => watched.warnings.push(code),
        note: ({ code }) => watched.notes.push(code),
      },
    )
    open.push(session)
    session.start()
    return { ...watched, session }
  }

  const isConnected = ({ states }: Watched): boolean => states.at(-1)?.kind === 'connected'
  const connected = (watched: Watched): Promise<void> => until('it is connected', () => isConnected(watched))
  const texts = ({ messages }: Watched): string[] => messages.map(({ payload }) => payload.toString())
  const numbered = (count: number, from = 0): string[] =>
    Array.from({ length: count }, (_, i) => String(from + i))
  const publish = (all: readonly string[], qos: QoS = 1): Promise<unknown> =>
    Promise.all(all.map((text) => publisher.publishAsync(name, text, { qos })))

  for (const protocol of ['5', '3.1.1'] as const) {
    for (const qos of [1, 2] as const) {
      it(`emits nothing of QoS ${qos} twice when the network is cut again and again (${protocol})`, async () => {
        const watched = start({ protocol }, { qos })
        const { session, messages } = watched
        await connected(watched)
        for (let round = 0; round < 2; round++) {
          await publish(numbered(50, round * 50), qos)
          await until('all have arrived', () => messages.length === (round + 1) * 50)
          // The first message stays in work, so that no acknowledgement is on its way when the network is cut.
          messages.forEach((message, index) => index % 3 === 1 + round && session.settle(message))
          proxy.reset()
          await until('the cut is seen', () => !isConnected(watched))
          messages.forEach((message, index) => index % 5 === 1 + round && session.settle(message))
          await connected(watched)
        }
        for (const message of messages) session.settle(message)
        await until('all are acknowledged', () => session.size === 0 && session.outstanding === 0)
        await publish(['last'], qos)
        await until('new ones arrive', () => texts(watched).includes('last'))
        assert.deepEqual(texts(watched), [...numbered(100), 'last'])
      })

      it(`has acknowledged to the broker what it wrote before it closed (QoS ${qos}, ${protocol})`, async () => {
        const first = start({ protocol }, { qos })
        await connected(first)
        await publish(numbered(20), qos)
        await until('all have arrived', () => first.messages.length === 20)
        for (const message of first.messages.slice(0, 15)) first.session.settle(message)
        await first.session.close()
        const second = start({ protocol }, { qos })
        await until('the rest has arrived', () => second.messages.length >= 5)
        await publish(['last'], qos)
        await until('new ones arrive', () => texts(second).includes('last'))
        assert.deepEqual(texts(second), [...numbered(5, 15), 'last'])
        assert.deepEqual(second.warnings, [])
      })
    }
  }

  for (const [what, refusal] of [
    ['in the form of 3.1.1', Buffer.from([0x20, 2, 0, 1])],
    ['in the form of 5', Buffer.from([0x20, 3, 0, 0x84, 0])],
    ['by closing', Buffer.alloc(0)],
  ] as const) {
    it(`falls back to 3.1.1 when the broker refuses 5 ${what}`, async () => {
      proxy.set({ answer: (bytes) => (bytes[8] === 5 ? refusal : undefined) })
      const watched = start()
      await connected(watched)
      await publish(['a'])
      await until('it has arrived', () => watched.messages.length === 1)
    })
  }

  it('does not fall back when a broker that knows 5 closes without an answer: that was the network', async () => {
    const watched = start()
    await connected(watched)
    const versions: (number | undefined)[] = []
    proxy.set({
      answer: (bytes) => {
        versions.push(bytes[8])
        return Buffer.alloc(0)
      },
    })
    proxy.reset()
    await until('it has tried five times', () => versions.length >= 5)
    assert.deepEqual(new Set(versions), new Set([5]))
    proxy.set({})
    await connected(watched)
  })

  it('does not fall back when 5 is asked for', async () => {
    proxy.set({ answer: () => Buffer.from([0x20, 3, 0, 0x84, 0]) })
    const watched = start({ protocol: '5' })
    await until('it was refused twice', () => proxy.accepted >= 2)
    const refused = watched.states.find(({ kind }) => kind === 'waiting')
    assert.equal(refused?.kind === 'waiting' && refused.error.code, 'MQTT_VERSION')
  })

  it('stays away when the broker says that another client has taken the client id', async () => {
    const aedes = await startAedes()
    try {
      const watched = start({ urls: parseBrokerUrls(aedes.address) })
      await connected(watched)
      const other = await connectAsync(aedes.address, {
        protocolVersion: 5,
        clientId: name,
        reconnectPeriod: 0,
      })
      await until('it is noticed', () => watched.states.at(-1)?.kind === 'waiting')
      const last = watched.states.at(-1)
      assert.ok(last?.kind === 'waiting')
      assert.equal(last.error.code, 'MQTT_TAKEN_OVER')
      assert.equal(last.delayMs, 300_000)
      await other.endAsync(true)
    } finally {
      await aedes.stop()
    }
  })

  it('stays away when connections end soon again and again: another client may have the client id', async () => {
    const watched = start()
    const connections = (): number => watched.states.filter(({ kind }) => kind === 'connected').length
    for (let life = 1; life <= 3; life++) {
      await until('it is connected', () => connections() === life)
      proxy.reset()
    }
    await until('it is suspected', () => {
      const last = watched.states.at(-1)
      return last?.kind === 'waiting' && last.error.code === 'MQTT_TAKEN_OVER'
    })
  })

  it('leaves the broker while it is paused for long, and comes back', async () => {
    const watched = start({ keepAliveSeconds: 2 }, { maxMessages: 10 })
    const { session, messages, states } = watched
    await connected(watched)
    session.pause()
    await publish(numbered(5))
    await until('it has left', () => states.at(-1)?.kind === 'resting')
    session.resume()
    await connected(watched)
    await until('all have arrived', () => messages.length === 5)
    assert.deepEqual(texts(watched), numbered(5))
  })

  it('does not count as reading when repetitions have filled its window again after it had left the broker', async () => {
    // Mosquitto 2.0.11 ignores the window and sends more at once; two messages are all that it has.
    const watched = start({ keepAliveSeconds: 1 }, { maxMessages: 2 })
    const { session, messages } = watched
    await connected(watched)
    await publish(numbered(2))
    await until('the window is full', () => messages.length === 2)
    session.settle(messages[1] as HeldMessage)
    await until('it has left', () => watched.states.some(({ kind }) => kind === 'resting'))
    await connected(watched)
    await until('both have come again', () => session.size === 2)
    assert.equal(messages.length, 2)
    assert.equal(session.reading, false)
    session.settle(messages[0] as HeldMessage)
    assert.equal(session.reading, true)
  })

  it('reports a session that another client has removed', async () => {
    const first = start()
    await connected(first)
    await first.session.close()
    const cleaner = await connectAsync(broker.address, { clientId: name, clean: true })
    await cleaner.endAsync()
    const second = start()
    await connected(second)
    assert.deepEqual([first.notes, second.notes], [['MQTT_SESSION_NEW'], []], 'it is new, and then lost')
    assert.deepEqual(second.warnings, ['MQTT_SESSION_LOST'])
    await publish(['a'])
    await until('it is subscribed again', () => second.messages.length === 1)
  })

  for (const protocol of ['5', '3.1.1'] as const) {
    it(`subscribes again when the broker has the session, and not its filters any more (${protocol})`, async () => {
      const first = start({ protocol })
      await connected(first)
      await first.session.close()
      // As after a return to an older state: the session is there, the subscription is not.
      const forgetter = await connectAsync(broker.address, {
        clientId: name,
        clean: false,
        protocolVersion: 5,
        properties: { sessionExpiryInterval: 3600 },
      })
      await forgetter.unsubscribeAsync(name)
      await forgetter.endAsync()
      const second = start({ protocol })
      await connected(second)
      assert.deepEqual(second.warnings, [], 'the session is there')
      // With a session it counts as connected before the broker has answered its filters: what is published by then is lost.
      const arrives = async (): Promise<boolean> => {
        await publish(['a'])
        return second.messages.length > 0
      }
      await until('it is subscribed again', arrives)
    })
  }

  it('refuses a subscription that is granted with less than was asked, in safe mode only', async () => {
    const strict = await startMosquitto({ savesEveryChange: false, config: ['max_qos 1'] })
    try {
      const urls = parseBrokerUrls(strict.address)
      const safe = start({ urls }, { qos: 2 })
      await until('it is refused', () => safe.states.at(-1)?.kind === 'waiting')
      const last = safe.states.at(-1)
      assert.equal(last?.kind === 'waiting' && last.error.code, 'MQTT_UNSAFE')
      await safe.session.close()
      const unsafe = start({ urls, safe: false }, { qos: 2 })
      await connected(unsafe)
    } finally {
      await Promise.all(open.splice(0).map((session) => session.close()))
      await strict.stop()
    }
  })

  it('takes WebSockets', async () => {
    const port = await freePort()
    const web = await startMosquitto({
      savesEveryChange: false,
      config: [`listener ${port} 127.0.0.1`, 'protocol websockets'],
    })
    try {
      const watched = start({ urls: parseBrokerUrls(`ws://127.0.0.1:${port}`) })
      await connected(watched)
    } finally {
      await Promise.all(open.splice(0).map((session) => session.close()))
      await web.stop()
    }
  })

  it('speaks TLS with a server that it can verify, and says why it does not trust another', async () => {
    const port = await freePort()
    const tls = path.join(__dirname, '..', 'support', 'tls')
    const secured = await startMosquitto({
      savesEveryChange: false,
      config: [
        `listener ${port} 127.0.0.1`,
        `certfile ${path.join(tls, 'server.crt')}`,
        `keyfile ${path.join(tls, 'server.key')}`,
      ],
    })
    try {
      const urls = parseBrokerUrls(`mqtts://127.0.0.1:${port}`)
      const trusting = start({ urls, tls: { ca: readFileSync(path.join(tls, 'server.crt')) } })
      await connected(trusting)
      const careful = start({ urls })
      await until('it is refused', () => careful.states.some(({ kind }) => kind === 'waiting'))
      const waiting = careful.states.find((state) => state.kind === 'waiting')
      assert.equal(waiting?.error.code, 'MQTT_TLS')
      assert.equal(isConnected(careful), false)
    } finally {
      await Promise.all(open.splice(0).map((session) => session.close()))
      await secured.stop()
    }
  })

  for (const protocol of ['5', '3.1.1'] as const) {
    it(`ends subscriptions that a restart has forgotten, and emits nothing of them (${protocol})`, async () => {
      const before = start({ protocol }, { filters: new Map([[`${name}/#`, 1]]) })
      await connected(before)
      await before.session.close()
      await publisher.publishAsync(`${name}/other`, 'queued', { qos: 2 })
      // A new process remembers nothing.
      memory = { filters: new Map(), lastConnectedMs: undefined }
      const watched = start({ protocol }, { filters: new Map([[`${name}/acme/#`, 1]]) })
      await connected(watched)
      for (const text of numbered(20)) {
        await publisher.publishAsync(`${name}/acme/d`, text, { qos: 1 })
        await publisher.publishAsync(`${name}/other`, text, { qos: 1 })
      }
      await until('all have arrived', () => texts(watched).includes('19'))
      assert.deepEqual(texts(watched), numbered(20))
      assert.deepEqual(new Set(watched.notes), new Set(['MQTT_OUTSIDE_FILTERS']))
      for (const message of watched.messages) watched.session.settle(message)
      await until(
        'all are acknowledged',
        () => watched.session.size === 0 && watched.session.outstanding === 0,
      )
    })
  }

  it('ends a subscription to other topics, found by what it sends', async () => {
    const before = start({}, { filters: new Map([[`${name}/+/old/#`, 1]]) })
    await connected(before)
    await before.session.close()
    memory = { filters: new Map(), lastConnectedMs: undefined }
    const watched = start({}, { filters: new Map([[`${name}/new/#`, 1]]) })
    await connected(watched)
    await publisher.publishAsync(`${name}/d/old/x`, 'stray', { qos: 1 })
    await until('it is noticed', () => watched.notes.includes('MQTT_OUTSIDE_FILTERS'))
    // The broker has answered when a later message of ours is there.
    await publisher.publishAsync(`${name}/new/x`, 'ours', { qos: 1 })
    await until('it is there', () => texts(watched).includes('ours'))
    await watched.session.close()
    await publisher.publishAsync(`${name}/d/old/x`, 'queued if it were still subscribed', { qos: 1 })
    const after = start({}, { filters: new Map([[`${name}/new/#`, 1]]) })
    await connected(after)
    await publisher.publishAsync(`${name}/new/x`, 'last', { qos: 1 })
    await until('it is there', () => texts(after).includes('last'))
    assert.deepEqual(after.notes, [])
  })

  it('acknowledges nothing unseen of a broker that rewrites topics', async () => {
    const aedes = await startAedes({ rewrite: (filter) => filter.replace('alias', 'real') })
    const rewritten = await connectAsync(aedes.address)
    const settings = { protocol: '3.1.1', urls: parseBrokerUrls(aedes.address) } as const
    const filters = new Map<string, QoS>([[`${name}/alias/#`, 1]])
    const send = (text: string) => rewritten.publishAsync(`${name}/real/x`, text, { qos: 1 })
    const settled = async ({ session, messages }: Watched): Promise<void> => {
      for (const message of messages) session.settle(message)
      await until('all are acknowledged', () => session.size === 0)
      await session.close()
    }
    try {
      const fresh = start(settings, { filters })
      await connected(fresh)
      await send('in a new session')
      await until('it is there', () => fresh.messages.length === 1)
      assert.deepEqual(fresh.notes, ['MQTT_SESSION_NEW', 'MQTT_OUTSIDE_FILTERS'])
      await settled(fresh)
      await send('before a deploy')
      const deployed = start(settings, { filters })
      await until('it is there', () => deployed.messages.length === 1)
      await settled(deployed)

      memory = { filters: new Map(), lastConnectedMs: undefined }
      await send('before a restart')
      const restarted = start(settings, { filters })
      await until('it waits', () => restarted.session.doubt !== undefined)
      assert.deepEqual([restarted.messages.length, restarted.session.outstanding], [0, 1])
      await restarted.session.close()
      const told = start(settings, { filters, otherTopics: 'emit' })
      await until('it is there', () => told.messages.length === 1)
      assert.deepEqual(texts(told), ['before a restart'])
    } finally {
      await Promise.all(open.splice(0).map((session) => session.close()))
      await rewritten.endAsync(true)
      await aedes.stop()
    }
  })

  it('ends a shared subscription that a restart has forgotten when another of its group is left', async () => {
    const old = start({}, { filters: new Map([[`$share/group/${name}/old/#`, 1]]) })
    await connected(old)
    await old.session.close()
    memory = { filters: new Map(), lastConnectedMs: undefined }
    const filters = new Map<string, QoS>([[`$share/group/${name}/new/#`, 1]])
    const watched = start({}, { filters })
    await connected(watched)
    await publisher.publishAsync(`${name}/old/x`, 'stray', { qos: 1 })
    await until('it is noticed', () => watched.notes.includes('MQTT_OUTSIDE_FILTERS'))
    await publisher.publishAsync(`${name}/new/x`, 'ours', { qos: 1 })
    await until('it is there', () => texts(watched).includes('ours'))
    await watched.session.close()
    await publisher.publishAsync(`${name}/old/x`, 'queued if it were still subscribed', { qos: 1 })
    const after = start({}, { filters })
    await connected(after)
    await publisher.publishAsync(`${name}/new/x`, 'last', { qos: 1 })
    await until('it is there', () => texts(after).includes('last'))
    assert.deepEqual(after.notes, [])
  })

  it('shares a subscription with another client: each message goes to one of them', async () => {
    const filters = new Map<string, QoS>([[`$share/group/${name}`, 1]])
    const [one, other] = [start({}, { filters, member: 'a' }), start({}, { filters, member: 'b' })]
    await connected(one)
    await connected(other)
    await publish(numbered(40))
    await until('all have arrived', () => one.messages.length + other.messages.length >= 40)
    assert.deepEqual([...texts(one), ...texts(other)].sort(), numbered(40).sort())
    assert.ok(one.messages.length > 0 && other.messages.length > 0, 'both take part')
  })
})
