/**
 * A real Kafka: `KAFKA_BROKERS` when set, else Kafka's own jars with Java and Maven, else the official image with
 * Docker. One broker, or three that replicate.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { assertPortIsFree, freePort } from './free-port'
import {
  KafkaBroker,
  LOOPBACK,
  type BrokerPlan,
  type ProxiedListener,
  type ScramUser,
  type SecuredListener,
} from './kafka-broker'
import { dockerAnswers, KAFKA_IMAGE, startContainer } from './kafka-docker'
import { KAFKA_VERSION, kafkaJars, missingForJars } from './kafka-jars'
import type { Service } from './service'

const START_LIMIT_MS = 90_000
const POLL_MS = 100

const noListener = (name: string): never => {
  throw new Error(`this Kafka has no listener ${name}`)
}

export interface KafkaOptions {
  /** Kept between starts; without it the data is in a temporary folder that `stop` removes. */
  readonly dataDir?: string
  /** Of the first broker; without it all ports are free ones. */
  readonly port?: number
  readonly brokers?: 1 | 3
  /** Lines for every broker's `server.properties`. Not for `KAFKA_BROKERS` and Docker. */
  readonly properties?: Readonly<Record<string, string>>
  /** For the JVM of every broker, such as `-javaagent:…`. Not for `KAFKA_BROKERS` and Docker. */
  readonly jvm?: readonly string[]
  /** One for each broker. Not for `KAFKA_BROKERS` and Docker. */
  readonly proxied?: readonly ProxiedListener[]
  /** Of every broker. Not for `KAFKA_BROKERS` and Docker. */
  readonly listeners?: readonly SecuredListener[]
  readonly scramUsers?: readonly ScramUser[]
}

export interface KafkaService extends Service {
  /** The processes, to stop and freeze; empty when Kafka is not ours (`KAFKA_BROKERS`) or runs in Docker. */
  readonly brokers: readonly KafkaBroker[]
  /** Resolves when every broker that runs answers, and knows of as many. */
  ready(): Promise<void>
  /** How a client reaches one of `listeners`. */
  addressOf(listener: string): string
}

/** @throws Error that names the three ways when none of them is open */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaService> {
  const given = process.env.KAFKA_BROKERS
  if (given) return givenKafka(given)
  if (options.port !== undefined) await assertPortIsFree(options.port, 'Kafka')
  const missing = await missingForJars()
  if (missing === undefined) return startFromJars(options)
  if (options.brokers !== 3 && (await dockerAnswers())) return startInDocker(options)
  throw new Error(
    'There is no Kafka to work with. Do one of three: set KAFKA_BROKERS to the address of a running one ' +
      `(host:port); install Java 17 or newer and Maven (${missing}); or start a Docker engine.`,
  )
}

async function givenKafka(address: string): Promise<KafkaService> {
  const ready = (): Promise<void> => untilAllAnswer([address], () => Promise.resolve(''))
  await ready()
  const uses = `the Kafka at ${address} (KAFKA_BROKERS)`
  return { address, uses, brokers: [], ready, addressOf: noListener, stop: () => Promise.resolve() }
}

async function startFromJars(options: KafkaOptions): Promise<KafkaService> {
  const jars = await kafkaJars()
  const count = options.brokers ?? 1
  const temporary = options.dataDir === undefined
  const folder = temporary
    ? await mkdtemp(path.join(os.tmpdir(), 'tenant-pipeline-kafka-'))
    : path.resolve(options.dataDir)
  const plans: BrokerPlan[] = []
  for (let id = 1; id <= count; id++) {
    plans.push({
      id,
      port: id === 1 && options.port !== undefined ? options.port : await freePort(),
      controllerPort: await freePort(),
      folder: path.join(folder, `broker-${id}`),
      jars,
      heapMb: count === 1 ? 512 : 256,
      jvm: options.jvm ?? [],
      properties: options.properties ?? {},
      proxied: options.proxied?.[id - 1],
      listeners: await withPorts(options.listeners ?? []),
      scramUsers: options.scramUsers ?? [],
    })
  }
  const brokers = await Promise.all(plans.map((plan) => KafkaBroker.prepare(plan, plans)))
  const address = brokers.map((broker) => broker.address).join(',')
  const lastWords = async (): Promise<string> =>
    (await Promise.all(brokers.map((broker) => broker.lastWords()))).join('\n')
  const ready = async (): Promise<void> => {
    const running = brokers.filter((broker) => broker.running)
    const addresses = running.map((broker) => broker.address)
    await untilAllAnswer(addresses, lastWords, () => running.every((it) => it.running))
  }
  const stop = async (): Promise<void> => {
    await Promise.all(brokers.map((broker) => broker.stop()))
    if (temporary) await rm(folder, { recursive: true, force: true })
  }
  for (const broker of brokers) broker.start()
  try {
    await ready()
  } catch (error) {
    await stop()
    throw error
  }
  const kind = count === 1 ? 'one broker' : 'three brokers'
  const where = temporary ? 'a temporary folder' : folder
  const uses = `Kafka ${KAFKA_VERSION} (its own jars, ${kind}), data in ${where}`
  const addressOf = (name: string): string =>
    plans
      .map(({ listeners }) => listeners.find((listener) => listener.name === name) ?? noListener(name))
      .map(({ port }) => `${LOOPBACK}:${port}`)
      .join(',')
  return { address, uses, brokers, ready, addressOf, stop }
}

async function withPorts(listeners: readonly SecuredListener[]): Promise<BrokerPlan['listeners']> {
  const found: (SecuredListener & { port: number })[] = []
  for (const listener of listeners) found.push({ ...listener, port: await freePort() })
  return found
}

async function startInDocker(options: KafkaOptions): Promise<KafkaService> {
  const port = options.port ?? (await freePort())
  const address = `${LOOPBACK}:${port}`
  const stop = startContainer(port)
  const ready = (): Promise<void> => untilAllAnswer([address], () => Promise.resolve(''))
  try {
    await ready()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    address,
    uses: `Kafka in Docker (${KAFKA_IMAGE}), data in the container`,
    brokers: [],
    ready,
    addressOf: noListener,
    stop,
  }
}

/**
 * Waits until there is an answer at each of these addresses, by a broker that knows of at least this many brokers, or a
 * process has ended. Each is asked itself: the others report a broker before it has opened its port.
 */
async function untilAllAnswer(
  addresses: readonly string[],
  lastWords: () => Promise<string>,
  alive: () => boolean = () => true,
): Promise<void> {
  const startedAtMs = performance.now()
  let problems: string[] = ['no answer']
  while (alive() && performance.now() - startedAtMs < START_LIMIT_MS) {
    const answers = await Promise.all(addresses.map((address) => problemAt(address, addresses.length)))
    problems = answers.filter((problem) => problem !== undefined)
    if (problems.length === 0) return
    await sleep(POLL_MS)
  }
  throw new Error(`Kafka does not answer: ${problems.join('; ')}\n${await lastWords()}`.trimEnd())
}

async function problemAt(address: string, count: number): Promise<string | undefined> {
  const client = new Kafka({
    brokers: address.split(','),
    clientId: 'tenant-pipeline-dev',
    connectionTimeout: 2_000,
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  })
  const admin = client.admin()
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    return brokers.length >= count ? undefined : `${address} knows ${brokers.length} of ${count} brokers`
  } catch (error) {
    return `${address}: ${(error as Error).message}`
  } finally {
    await admin.disconnect()
  }
}
