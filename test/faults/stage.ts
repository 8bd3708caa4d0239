/**
 * What every fault acts on: Mosquitto, Kafka and Node-RED in processes of their own, a fault proxy before each
 * service, and the upper half of example 01 (MQTT to Kafka) between them, or all of it with a PostgreSQL. The
 * publisher and the test reach the services directly; only Node-RED goes through the proxies.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { NodeRed, type FlowEntry, type ShownStatus } from '../../dev/node-red'
import { freePort } from '../../dev/services/free-port'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import { startMosquitto, type Mosquitto, type MosquittoOptions } from '../../dev/services/mosquitto'
import { createTestTopic, withAdmin } from '../support/kafka'
import { readTopic } from '../support/kafka-log'
import { exampleFlow } from '../support/pipeline'
import { until } from '../support/until'
import { FaultProxy } from './fault-proxy'
import type { KafkaMeddler } from './kafka-meddler'
import type { FoundRecord } from './oracle'
import { StagedPostgres } from './staged-postgres'

/** Properties that replace those of the example, by node type. */
export type FlowChange = Readonly<Record<string, object>>

export interface StageOptions {
  readonly brokers?: 1 | 3
  /** Lines for every Kafka broker's `server.properties`. */
  readonly kafka?: Readonly<Record<string, string>>
  /** Of the topic `iot-messages`. */
  readonly topic?: { readonly partitions?: number; readonly config?: Readonly<Record<string, string>> }
  readonly mqtt?: MosquittoOptions
  /** The whole example, with PostgreSQL reached through a proxy. */
  readonly secondLeg?: boolean
  /** A second PostgreSQL, which follows the first. */
  readonly standby?: boolean
  readonly change?: FlowChange
  /** Added to the environment of Node-RED. */
  readonly env?: Readonly<Record<string, string>>
  /** More nodes for the flow. */
  readonly more?: readonly FlowEntry[]
  /** Instead of the address of the proxy before Mosquitto. */
  readonly mqttUrl?: string
  /** Reads along, and changes, what Node-RED and Kafka say to each other. */
  readonly meddler?: KafkaMeddler
}

export const TOPIC = 'iot-messages'
export const DEAD_LETTER_TOPIC = 'iot-dead-letters'
/** Of the MQTT source: how many messages may be repeated when Node-RED dies. */
export const WINDOW = 1000

/** Shorter waits than in production, so that a fault is noticed within a test's time. */
const SETTINGS: FlowChange = {
  'tenant-mqtt-broker': { keepAliveSeconds: 10, queueMessages: 0 },
  'tenant-mqtt-source': {
    qos: '2',
    messageId: 'jsonPointer',
    messageIdName: '/id',
    windowMessages: WINDOW,
    deliveryTimeoutMs: 10_000,
  },
  'tenant-kafka-cluster': { connectionTimeoutMs: 3000, requestTimeoutMs: 6000 },
  'tenant-kafka-consumer': { deliveryTimeoutMs: 10_000 },
  // Bytes, so that the rows can be compared with what was published.
  'tenant-postgres-sink': { payloadType: 'bytea' },
  'tenant-postgres': { connectTimeoutMs: 3000, statementTimeoutMs: 10_000, lockTimeoutMs: 3000 },
}

const FIRST_LEG = [
  'tab',
  'tenant-mqtt-source',
  'tenant-topic',
  'tenant-kafka-producer',
  'tenant-dead-letter',
  'tenant-mqtt-broker',
  'tenant-kafka-cluster',
]

/** Example 01 with the settings of the fault tests; without the second leg, MQTT to Kafka only. */
export function stageFlow(change: FlowChange = {}, secondLeg = false): FlowEntry[] {
  return exampleFlow('01')
    .filter(({ type, target }) => secondLeg || (FIRST_LEG.includes(type) && target !== 'table'))
    .map((entry) => ({ ...entry, ...SETTINGS[entry.type], ...change[entry.type] }))
}

/** The flow with other properties for all nodes of a type. */
export function changed(flow: readonly FlowEntry[], type: string, change: object): FlowEntry[] {
  return flow.map((entry) => (entry.type === type ? { ...entry, ...change } : entry))
}

async function startNodeRed(
  flow: readonly FlowEntry[],
  env: Readonly<Record<string, string>>,
): Promise<NodeRed> {
  const userDir = mkdtempSync(path.join(tmpdir(), 'tenant-fault-'))
  return NodeRed.start({ userDir, port: await freePort(), env, flow })
}

export class Stage {
  /** Where the flow writes, in the order in which it came to write there. */
  readonly topics = new Set([TOPIC])

  private constructor(
    readonly mqtt: Mosquitto,
    readonly mqttProxy: FaultProxy,
    readonly kafka: KafkaService,
    /** One for each broker, in the order of `kafka.brokers`. */
    readonly kafkaProxies: readonly FaultProxy[],
    /** With the second leg only. */
    readonly postgres: StagedPostgres | undefined,
    readonly nodeRed: NodeRed,
    private deployed: readonly FlowEntry[],
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  static async start(options: StageOptions = {}): Promise<Stage> {
    const count = options.brokers ?? 1
    const ports = await Promise.all(Array.from({ length: count }, () => freePort()))
    const kafkaProxies = await Promise.all(ports.map((port) => FaultProxy.start(port)))
    for (const proxy of kafkaProxies) proxy.rewrite = options.meddler?.rewrite
    const proxied = ports.map((port, at) => ({ port, advertisedPort: kafkaProxies[at]?.port ?? 0 }))
    const [mqtt, kafka, postgres] = await Promise.all([
      startMosquitto({ savesEveryChange: false, ...options.mqtt }),
      startKafka({ brokers: count, properties: options.kafka ?? {}, proxied }),
      options.secondLeg === true ? StagedPostgres.start({ standby: options.standby === true }) : undefined,
    ])
    const mqttProxy = await FaultProxy.start(mqtt.port)
    await createTestTopic(kafka.address, {
      name: TOPIC,
      partitions: options.topic?.partitions ?? 6,
      replicas: count,
      config: { 'message.timestamp.type': 'LogAppendTime', ...options.topic?.config },
    })
    const flow = [...stageFlow(options.change, options.secondLeg), ...(options.more ?? [])]
    const environment = {
      MQTT_URL: options.mqttUrl ?? `mqtt://${mqttProxy.address}`,
      KAFKA_BROKERS: kafkaProxies.map(({ address }) => address).join(','),
      ...(postgres === undefined ? {} : { DATABASE_URL: postgres.proxiedUrl }),
      ...options.env,
    }
    const nodeRed = await startNodeRed(flow, environment)
    const stage = new Stage(mqtt, mqttProxy, kafka, kafkaProxies, postgres, nodeRed, flow, environment)
    await stage.untilGreen('tenant-mqtt-source')
    return stage
  }

  async stop(): Promise<void> {
    await this.nodeRed.stop()
    await Promise.all([this.mqttProxy, ...this.kafkaProxies].map((proxy) => proxy.stop()))
    await Promise.all([this.mqtt.stop(), this.kafka.stop(), this.postgres?.stop()])
    rmSync(this.nodeRed.userDir, { recursive: true, force: true })
  }

  /** As it is deployed, except for what a row changes in it. */
  get flow(): readonly FlowEntry[] {
    return this.deployed
  }

  /** The source sends messages one by one from now on, or batches as in the example. */
  async setMode(mode: 'message' | 'batch'): Promise<void> {
    if (this.flow.some((entry) => entry.type === 'tenant-mqtt-source' && entry['mode'] === mode)) return
    this.deployed = changed(this.flow, 'tenant-mqtt-source', { mode })
    await this.nodeRed.deploy(this.flow, 'nodes')
  }

  /** What the editor shows under the first node of this type. */
  statusOf(type: string): ShownStatus | undefined {
    const node = this.flow.find((entry) => entry.type === type)
    return node === undefined ? undefined : this.nodeRed.statuses.get(node.id)
  }

  /** Waits until a node shows what is expected. */
  async untilStatus(type: string, what: string, shows: (status: ShownStatus) => boolean): Promise<void> {
    await until(
      () => `${type} ${what} (it shows "${this.statusOf(type)?.text}")\n${this.nodeRed.logTail()}`,
      () => {
        const status = this.statusOf(type)
        return status !== undefined && shows(status)
      },
    )
  }

  untilGreen(type: string): Promise<void> {
    return this.untilStatus(type, 'is green', ({ fill }) => fill === 'green')
  }

  /** Waits until the source has nothing more to do: what an earlier row has left is stored. */
  untilIdle(): Promise<void> {
    return this.untilStatus(
      'tenant-mqtt-source',
      'is idle',
      ({ fill }) => fill === 'green' && this.sourceIsIdle,
    )
  }

  /** Nothing comes in, and everything that came is stored. */
  get sourceIsIdle(): boolean {
    return this.statusOf('tenant-mqtt-source')?.text?.startsWith('0/s · 0 in flight') === true
  }

  /** Starts a flow, by default as it was at the beginning, in a Node-RED of its own: the same client id and group. */
  startSecondNodeRed(flow = this.flow): Promise<NodeRed> {
    return startNodeRed(flow, this.environment)
  }

  /** Takes every fault of the proxies away. */
  healNetwork(): void {
    for (const proxy of [this.mqttProxy, ...this.kafkaProxies]) proxy.set({})
    this.postgres?.proxy.set({})
  }

  /** All records of the flow's topics, or of one, as Kafka stores them. */
  async records(topic?: string): Promise<FoundRecord[]> {
    const topics = topic === undefined ? [...this.topics] : [topic]
    const stored = await Promise.all(topics.map((each) => readTopic(this.kafka.address, each)))
    return stored.flat().map(({ partition, offset, value, headers, timestamp }) => ({
      partition,
      offset,
      value: value ?? Buffer.alloc(0),
      headers,
      appendedAt: timestamp,
    }))
  }

  /** Dead letters of the flow; none while their topic does not exist. */
  async deadLetters(): Promise<FoundRecord[]> {
    const topics = await withAdmin(this.kafka.address, (admin) => admin.listTopics())
    return topics.includes(DEAD_LETTER_TOPIC) ? this.records(DEAD_LETTER_TOPIC) : []
  }
}
