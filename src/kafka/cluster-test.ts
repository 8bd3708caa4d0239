/**
 * The test of the button in the dialog of a Kafka cluster: tries each address of the list, and asks the first broker that
 * answers for the others, and for the settings of the topics that the flow uses. It creates and changes nothing.
 */
import net from 'node:net'
import { tlsFault, TLS_FAULTS } from '../config/tls-fault'
import { Checks, type Check } from '../runtime/checks'
import { PipelineError } from '../wire/errors'
import type { KafkaConnection } from './connection'
import type { KafkaAdmin, KafkaDriver, TopicDescription } from './driver'
import type { FlowTopic } from './topics/flow-topics'

export const CLUSTER_CHECKS = {
  ...TLS_FAULTS,
  reached: 'ok',
  unreachable: 'failed',
  noAnswer: 'failed',
  notKafka: 'failed',
  wantsTls: 'failed',
  refused: 'failed',
  loginRefused: 'failed',
  loginMethod: 'failed',
  loginNotExpected: 'failed',
  tokenRefused: 'failed',
  loggedIn: 'ok',
  anonymous: 'warning',
  encrypted: 'ok',
  unverified: 'warning',
  readable: 'warning',
  brokers: 'ok',
  oneBroker: 'warning',
  advertisedUnreachable: 'failed',
  topicsListed: 'ok',
  topicsForbidden: 'failed',
  noTopicsVisible: 'unknown',
  topicsCreated: 'warning',
  topicsNotCreated: 'ok',
  topicsCreatedUnknown: 'unknown',
  topicReady: 'ok',
  topicWillBeCreated: 'ok',
  topicMissing: 'failed',
  topicUnknown: 'unknown',
  oneReplica: 'warning',
  oneInSync: 'warning',
  allInSync: 'warning',
  compacted: 'warning',
  retention: 'ok',
  retentionUnlimited: 'ok',
  retentionShort: 'warning',
  moreTopics: 'unknown',
  unfinished: 'unknown',
} as const

type ClusterChecks = Checks<typeof CLUSTER_CHECKS>
type Code = keyof typeof CLUSTER_CHECKS

export interface ClusterTest {
  readonly connection: KafkaConnection
  readonly driver: (connection: KafkaConnection) => KafkaDriver
  /** What may be shown of an address. */
  readonly shown: (broker: string) => string
  /** That the flow uses. */
  readonly topics: readonly FlowTopic[]
  readonly limitMs?: number
}

const LIMIT_MS = 4_500
/** Of the limit for the addresses of the list; the rest is for the questions. */
const REACH_SHARE = 0.6
const MAX_TOPICS = 10
const HOUR_MS = 3_600_000
/** An outage of a night loses nothing. */
const SHORT_RETENTION_MS = 24 * HOUR_MS

/** Never rejects. */
export async function testCluster(test: ClusterTest): Promise<readonly Check[]> {
  const { connection, shown, limitMs = LIMIT_MS } = test
  const untilMs = performance.now() + limitMs
  const checks: ClusterChecks = new Checks(CLUSTER_CHECKS)
  const reached = await Promise.all(
    connection.brokers.map((broker) => reach(test, broker, limitMs * REACH_SHARE)),
  )
  for (const { found } of reached) checks.addAll(found)
  const admins = reached.flatMap(({ admin }) => admin ?? [])
  const [admin] = admins
  if (admin !== undefined) {
    addConnection(connection, checks)
    await checks.within(Math.max(0, untilMs - performance.now()), 'unfinished', {}, (found) =>
      ask(admin, test, shown, found),
    )
  }
  for (const each of admins) void each.close().catch(() => undefined)
  return checks.list
}

interface Reached {
  readonly found: ClusterChecks
  readonly admin: KafkaAdmin | undefined
}

/** Each address with a client of its own, which knows no other. */
async function reach(
  { connection, driver, shown }: ClusterTest,
  broker: string,
  limitMs: number,
): Promise<Reached> {
  const found: ClusterChecks = new Checks(CLUSTER_CHECKS)
  const place = shown(broker)
  const admin = driver({
    ...connection,
    brokers: [broker],
    connectionTimeoutMs: 2 * limitMs,
    requestTimeoutMs: 2 * limitMs,
  }).admin()
  let isReached = false
  await found.within(limitMs, 'noAnswer', { place }, async (part) => {
    try {
      await admin.brokerCount()
      part.add('reached', { place })
      isReached = true
    } catch (error) {
      part.add(refusalOf(error), { place })
    }
  })
  if (!isReached) void admin.close().catch(() => undefined)
  return { found, admin: isReached ? admin : undefined }
}

/** By what the error says to a status. */
const REFUSALS: Readonly<Record<string, Code>> = {
  notReachable: 'unreachable',
  kafkaConnectionClosed: 'notKafka',
  noAnswer: 'noAnswer',
  kafkaTlsOnly: 'wantsTls',
  kafkaNoTls: 'noTls',
  wrongPassword: 'loginRefused',
  kafkaLoginMethod: 'loginMethod',
  kafkaLoginNotExpected: 'loginNotExpected',
}

function refusalOf(error: unknown): Code {
  if (!(error instanceof PipelineError)) return 'refused'
  if (/ECONNRESET|EPIPE/.test(error.message)) return tlsFault(error) ?? 'notKafka'
  const { problem } = error.status.values ?? {}
  const key = typeof problem === 'object' ? problem.key : ''
  const isOfToken = error.code.startsWith('KAFKA_TOKEN') || error.code === 'KAFKA_AUTHENTICATION'
  return REFUSALS[key] ?? tlsFault(error) ?? (isOfToken ? 'tokenRefused' : 'refused')
}

function addConnection({ tls, sasl, brokers }: KafkaConnection, checks: ClusterChecks): void {
  const isLocal = brokers.every((broker) => /^(localhost|127\.[\d.]+|\[::1\]):\d+$/.test(broker))
  if (tls !== undefined) checks.add(tls.rejectUnauthorized === false ? 'unverified' : 'encrypted')
  else if (!isLocal) checks.add('readable')
  const hasCertificate = tls?.cert !== undefined
  checks.add(sasl !== undefined || hasCertificate ? 'loggedIn' : 'anonymous')
}

async function ask(
  admin: KafkaAdmin,
  { topics }: ClusterTest,
  shown: ClusterTest['shown'],
  checks: ClusterChecks,
): Promise<void> {
  const brokers = await admin.brokerAddresses()
  checks.add(brokers.length === 1 ? 'oneBroker' : 'brokers', { count: brokers.length })
  const reachable = await Promise.all(brokers.map(accepts))
  brokers.forEach((broker, index) => {
    if (reachable[index] !== true) checks.add('advertisedUnreachable', { place: shown(broker) })
  })
  await answered(checks, async () => {
    const { length } = await admin.topicNames()
    checks.add(length === 0 ? 'noTopicsVisible' : 'topicsListed', { count: length })
  })
  await answered(checks, async () => {
    const creates = await admin.createsTopics()
    if (creates === undefined) checks.add('topicsCreatedUnknown')
    else checks.add(creates ? 'topicsCreated' : 'topicsNotCreated')
  })
  for (const wanted of topics.slice(0, MAX_TOPICS)) {
    await answered(checks, async () => {
      addTopic(wanted, await admin.describeTopic(wanted.topic), checks)
    })
  }
  if (topics.length > MAX_TOPICS) checks.add('moreTopics', { count: topics.length - MAX_TOPICS })
}

async function answered(checks: ClusterChecks, question: () => Promise<void>): Promise<void> {
  try {
    await question()
  } catch (error) {
    const isForbidden = error instanceof PipelineError && error.code === 'KAFKA_FORBIDDEN'
    checks.add(isForbidden ? 'topicsForbidden' : 'unfinished')
  }
}

function addTopic(
  { topic, create }: FlowTopic,
  description: TopicDescription | undefined,
  checks: ClusterChecks,
): void {
  if (description === undefined) return checks.add(create ? 'topicWillBeCreated' : 'topicMissing', { topic })
  const { partitions, replicas, minInSyncReplicas: inSync, retentionMs, cleanupPolicy } = description
  checks.add('topicReady', { topic, partitions, replicas })
  if (inSync === undefined || retentionMs === undefined) checks.add('topicUnknown', { topic })
  if (replicas === 1) checks.add('oneReplica', { topic })
  else if (inSync === 1) checks.add('oneInSync', { topic, replicas })
  else if (inSync !== undefined && inSync >= replicas) checks.add('allInSync', { topic, replicas, inSync })
  if (cleanupPolicy?.includes('compact') === true) checks.add('compacted', { topic, policy: cleanupPolicy })
  if (retentionMs === undefined) return
  if (retentionMs < 0) checks.add('retentionUnlimited', { topic })
  else
    checks.add(retentionMs < SHORT_RETENTION_MS ? 'retentionShort' : 'retention', {
      topic,
      hours: Math.round((retentionMs / HOUR_MS) * 10) / 10,
    })
}

const ACCEPT_MS = 1_000

/** Whether something listens there: a broker may name an address that is known to its own network only. */
function accepts(broker: string): Promise<boolean> {
  const at = broker.lastIndexOf(':')
  const host = broker.slice(0, at).replace(/^\[(.*)\]$/, '$1')
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: Number(broker.slice(at + 1)), timeout: ACCEPT_MS })
    const end = (accepted: boolean) => (): void => {
      socket.destroy()
      resolve(accepted)
    }
    socket.once('connect', end(true)).once('timeout', end(false)).on('error', end(false))
  })
}
