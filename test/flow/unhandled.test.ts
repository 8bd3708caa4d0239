/**
 * Nothing ends Node-RED: every node of the package runs in a real runtime while all that it calls throws, messages
 * have shapes that no device sends on purpose, and the services cut their connections at several stages.
 */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Socket } from 'node:net'
import { connectAsync, type MqttClient } from 'mqtt'
import type { Node } from 'node-red'
import { freePort } from '../../dev/services/free-port'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import type { NodeStatus } from '../../src/runtime/host'
import { FaultProxy, type Faults } from '../faults/fault-proxy'
import { nodeTypes } from '../support/package'
import { exampleFlow } from '../support/pipeline'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import {
  helper,
  loadFlow,
  requireFromRuntime,
  startRuntime,
  stopRuntime,
  untilLogged,
  type FlowEntry,
  type NodeModule,
} from '../support/runtime'
import { until } from '../support/until'

const load = createRequire(__filename)
const modules = nodeTypes.map((type) => load(`../../nodes/${type}/${type}`) as NodeModule)
/** What a node of Node-RED offers, and what ends a message. */
type OpenNode = Node & {
  status: unknown
  _complete: unknown
  _inputCallback?: (message: unknown, send: () => void, done: () => void) => void
  close(removed?: boolean): Promise<void>
}

describe('nothing ends Node-RED', function () {
  this.timeout(240_000)
  const unhandled: unknown[] = []
  const note = (error: unknown): void => void unhandled.push(error)
  let mqtt: Mosquitto
  let kafka: KafkaService
  let database: TestDatabase
  let publisher: MqttClient
  let proxies: Record<'mqtt' | 'kafka' | 'postgres', FaultProxy>
  let flow: FlowEntry[]
  let sent = 0

  before(async () => {
    process.on('uncaughtExceptionMonitor', note)
    const kafkaPort = await freePort()
    const kafkaProxy = await FaultProxy.start(kafkaPort)
    ;[mqtt, kafka, database] = await Promise.all([
      startMosquitto({ savesEveryChange: false }),
      startKafka({ proxied: [{ port: kafkaPort, advertisedPort: kafkaProxy.port }] }),
      createTestDatabase(),
    ])
    publisher = await connectAsync(mqtt.address, { protocolVersion: 5 })
    const url = new URL(database.url)
    proxies = {
      mqtt: await FaultProxy.start(mqtt.port),
      kafka: kafkaProxy,
      postgres: await FaultProxy.start(Number(url.port)),
    }
    url.port = String(proxies.postgres.port)
    const changes: Readonly<Record<string, object>> = {
      'tenant-mqtt-broker': { url: `mqtt://${proxies.mqtt.address}` },
      'tenant-kafka-cluster': {
        brokers: proxies.kafka.address,
        connectionTimeoutMs: 1000,
        requestTimeoutMs: 2000,
      },
      'tenant-postgres': { url: url.href, connectTimeoutMs: 1000 },
      'tenant-mqtt-source': { deliveryTimeoutMs: 2000 },
      'tenant-postgres-apply': { statement: 'select $1::jsonb', parameters: 'payload' },
      'tenant-kafka-consumer': { deliveryTimeoutMs: 2000, sessionTimeoutMs: 6000 },
    }
    const example = exampleFlow('01')
    const idOf = (wanted: string): string => example.find(({ type }) => type === wanted)?.id ?? ''
    const others = [
      ...exampleFlow('05').filter(({ type }) => type === 'tenant-dead-letter-source'),
      ...exampleFlow('13').filter(({ type }) => type === 'tenant-batch'),
      ...exampleFlow('14').filter(({ type }) => type === 'tenant-rollup'),
      ...exampleFlow('15').filter(({ type }) => type === 'tenant-postgres-apply'),
      ...exampleFlow('16').filter(({ type }) => type === 'tenant-validate'),
    ]
    const place = {
      z: idOf('tab'),
      database: idOf('tenant-postgres'),
      wires: [[idOf('tenant-postgres-sink')], []],
    }
    flow = [...example, ...others.map((entry) => ({ ...entry, ...place }))]
      .filter(({ type }) => type === 'tab' || nodeTypes.includes(type))
      .map((entry) => ({ ...entry, ...changes[entry.type] }))
    const missing = nodeTypes.filter((type) => flow.every((entry) => entry.type !== type))
    assert.deepEqual(missing, [], 'nodes that are not in the flow')
    await startRuntime()
  })
  afterEach(async () => {
    for (const proxy of Object.values(proxies)) proxy.set({})
    await helper.unload()
    assert.deepEqual(unhandled.splice(0), [])
  })
  after(async () => {
    process.off('uncaughtExceptionMonitor', note)
    await stopRuntime()
    await publisher?.endAsync(true)
    await Promise.all([mqtt?.stop(), kafka?.stop()])
    await Promise.all(Object.values(proxies).map((proxy) => proxy.stop()))
    await database?.drop()
  })

  const nodes = (): OpenNode[] =>
    flow.filter(({ type }) => type.startsWith('tenant-')).map(({ id }) => helper.getNode(id) as OpenNode)
  const ofType = (wanted: string): OpenNode =>
    helper.getNode(flow.find(({ type }) => type === wanted)?.id ?? '') as OpenNode
  const rows = async (): Promise<number> => {
    const [{ found } = {}] = await database.query(`select to_regclass('iot_messages') as found`)
    if (found === null) return 0
    const [{ count } = {}] = await database.query(
      `select count(distinct payload->>'n') from iot_messages where payload ? 'n'`,
    )
    return Number(count)
  }
  const publish = (): Promise<unknown> =>
    publisher.publishAsync('mtic/msg/client/realtime/acme/p/d', `{"n":${sent++}}`, { qos: 1 })
  /** Messages go all the way, those from before as well. */
  const works = async (): Promise<void> => {
    await publish()
    await until(
      () => `${sent} messages are stored`,
      async () => (await rows()) === sent,
      // All that the nodes were given before comes first.
      { giveUpMs: 200_000 },
    )
  }
  const start = async (): Promise<void> => {
    await loadFlow(modules, flow)
    // A session exists from the first connection on.
    const source = ofType('tenant-mqtt-source') as unknown as {
      status: { lastCall: { args: NodeStatus[] } | null }
    }
    await until('the source is connected', () => /\/s · /.test(source.status.lastCall?.args[0]?.text ?? ''))
    await works()
  }

  it('whatever shape a message has', async () => {
    await start()
    for (const node of nodes().filter((each) => 'wires' in each)) {
      for (const message of hostileMessages()) {
        give(node, message)
      }
    }
    await works()
  })

  it('when send, done, status and the log throw', async () => {
    await start()
    const topic = ofType('tenant-topic')
    topic._complete = () => {
      throw new Error('done throws')
    }
    await publish()
    await untilLogged(topic.id, 'UNEXPECTED')
    const called = new Set<string>()
    const thrower = (name: string) => () => {
      called.add(name)
      throw new Error(`${name} throws`)
    }
    for (const node of nodes()) {
      for (const name of ['send', 'status', '_complete', 'log', 'warn', 'error', 'debug'] as const)
        (node as unknown as Record<string, unknown>)[name] = thrower(name)
    }
    await publish()
    for (const node of nodes().filter((each) => 'wires' in each)) {
      for (const message of [{ payload: 'x' }, ...hostileMessages()]) give(node, message)
    }
    for (const proxy of Object.values(proxies)) proxy.reset()
    await until(
      () => `all have thrown, not only ${[...called].join(' ')}`,
      () => ['send', 'status', '_complete', 'error'].every((name) => called.has(name)),
    )
    await Promise.all(nodes().map((node) => node.close()))
  })

  it('when hooks and listeners of others throw', async () => {
    await start()
    const { hooks, events } = requireFromRuntime('@node-red/util') as {
      hooks: { add(name: string, hook: () => void): void; remove(name: string): void }
      events: NodeJS.EventEmitter
    }
    let statuses = 0
    const onStatus = (): void => {
      statuses++
      throw new Error('a listener of statuses')
    }
    events.on('node-status', onStatus)
    try {
      for (const name of [
        'onSend',
        'preRoute',
        'preDeliver',
        'postDeliver',
        'onReceive',
        'postReceive',
        'onComplete',
      ]) {
        const before = hookCalls
        hooks.add(`${name}.test`, throwingHook)
        await publish()
        await until(`${name} has thrown`, () => hookCalls > before)
        hooks.remove('*.test')
      }
      await until('a status was shown', () => statuses > 0)
    } finally {
      hooks.remove('*.test')
      events.off('node-status', onStatus)
    }
    await works()
  })

  it('when the nodes are closed while they start, and twice', async () => {
    for (let round = 0; round < 5; round++) {
      await loadFlow(modules, flow)
      const closing = nodes().map((node) => Promise.all([node.close(), node.close(true)]))
      await Promise.all(closing)
      await helper.unload()
    }
    await start()
  })

  it('when the services cut each connection, at several stages', async () => {
    await start()
    const stages: Faults[] = [{ refuse: true }]
    for (const bytes of [10, 100]) {
      for (const direction of ['up', 'down'] as const) stages.push({ cutAfter: { direction, bytes } })
    }
    for (const faults of stages) {
      const before = Object.values(proxies).map(({ accepted }) => accepted)
      for (const proxy of Object.values(proxies)) {
        proxy.set(faults)
        proxy.reset()
      }
      // The pool connects only for work.
      ofType('tenant-postgres-sink').emit('input', { payload: '{}', tenant: 'acme' })
      await until(`each has tried again under ${JSON.stringify(faults)}`, () =>
        Object.values(proxies).every(({ accepted }, at) => accepted > (before[at] ?? 0)),
      )
    }
    for (const proxy of Object.values(proxies)) proxy.set({})
    await works()
  })

  it('when every socket of the clients reports an error', async () => {
    await start()
    const ports = new Set(Object.values(proxies).map(({ port }) => port))
    const open = (): Socket[] =>
      (process as unknown as { _getActiveHandles(): unknown[] })
        ._getActiveHandles()
        .filter((handle): handle is Socket => handle instanceof Socket && ports.has(handle.remotePort ?? 0))
    const sockets = open()
    assert.ok(sockets.length >= 3, `${sockets.length} sockets`)
    for (const socket of sockets) socket.emit('error', new Error('as a network does'))
    for (const socket of sockets) socket.destroy(new Error('as a network does'))
    for (const socket of sockets) socket.emit('error', new Error('and again'))
    await works()
  })
})

/** By the runtime, as far as it lets such a message through, and past it. */
function give(node: OpenNode, message: unknown): void {
  try {
    node.emit('input', message)
  } catch {
    // Node-RED's own: it looks at the message before the node does.
  }
  node._inputCallback?.(
    message,
    () => assert.fail('send'),
    () => assert.fail('done'),
  )
}

let hookCalls = 0
function throwingHook(): void {
  hookCalls++
  throw new Error('a hook of another package')
}

/** Messages that no node sends on purpose. */
function hostileMessages(): unknown[] {
  const getter = (name: string): object =>
    Object.defineProperty({ payload: 'x', topic: 'a/b' }, name, {
      enumerable: true,
      get: () => {
        throw new Error(`the getter of ${name}`)
      },
    })
  const cyclic: Record<string, unknown> = { topic: 'a/b' }
  cyclic.payload = cyclic
  cyclic.kafka = cyclic
  const holes: unknown[] = []
  holes[3] = { payload: 'x' }
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`key${n}`, n]))
  const proxy = new Proxy(
    {},
    {
      get: () => {
        throw new Error('a proxy')
      },
    },
  )
  const names = ['_msgid', 'payload', 'topic', 'batch', 'kafka', 'error', 'tenant', 'levels', 'messageId']
  return [
    null,
    undefined,
    {},
    Object.create(null) as object,
    proxy,
    cyclic,
    many,
    Object.freeze({ payload: 'x', topic: 'mtic/msg/client/realtime/acme/p/d' }),
    Object.freeze({ batch: true, payload: Object.freeze([Object.freeze({ payload: 'x', topic: 'a' })]) }),
    { [Symbol('a')]: 1, payload: Symbol('b'), topic: Symbol('c') },
    { [Symbol.for('@iot-bridge/node-red-tenant-pipeline/delivery')]: () => undefined },
    { batch: true, payload: 'no array' },
    { batch: true, payload: holes },
    { batch: true, payload: [null, undefined, 1, 'text', [], () => undefined] },
    { batch: true, payload: [], kafka: { firstOffset: 'x', nextOffset: -1 } },
    { payload: many, levels: many, userProperties: many, kafka: { topic: 'iot-messages', headers: many } },
    { payload: () => undefined, kafka: { topic: {}, key: {}, partition: NaN, headers: 7, offset: 'x' } },
    { payload: 10n, kafka: { topic: 'iot-messages', key: 10n, timestamp: Infinity } },
    { _msgid: {}, payload: new Map(), error: { source: null } },
    { payload: { toJSON: () => assert.fail('toJSON') }, kafka: { topic: 'iot-messages' } },
    { payload: { toString: () => assert.fail('toString') }, messageId: { toString: null }, tenant: {} },
    ...names.map(getter),
  ]
}
