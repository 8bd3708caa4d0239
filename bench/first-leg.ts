/** MQTT → Kafka: what Mosquitto has queued for a session is drained by ours or by a peer. */
import { connectAsync } from 'mqtt'
import type { FlowEntry } from '../dev/node-red'
import { watchDrain } from './drain'
import { example } from './flows'
import { mqttMessages, type Traffic } from './load/messages'
import { patiently } from './patiently'
import { Publisher } from './load/publisher'
import type { Figures } from './report/figures'
import type { Measuring } from './row'
import type { Stage } from './stage'
import type { BridgePlan } from './subjects/bridge'
import type { Subject } from './subjects/subject'

export const FILTER = 'mtic/msg/client/realtime/#'
/** Of a shared subscription. */
export const SHARED_FILTER = `$share/bench/${FILTER}`
export const PARTITIONS = 6
const CLIENT = 'bench'

/** Example 01 without its second leg, with some options changed. */
export function firstLeg(
  topic: string,
  change: Readonly<Record<string, object>> = {},
  clientId = CLIENT,
): FlowEntry[] {
  return example('01 MQTT to Kafka to PostgreSQL', {
    without: ['tenant-kafka-consumer', 'tenant-postgres-sink'],
    change: {
      ...change,
      'tenant-mqtt-source': { clientId, ...change['tenant-mqtt-source'] },
      'tenant-topic': { kafkaTopic: topic, ...change['tenant-topic'] },
    },
  })
}

export interface QueueDrain extends Traffic {
  readonly messages: number
  /** Of the topic that is made for it. */
  readonly partitions?: number
  readonly start: (plan: BridgePlan) => Promise<Subject>
  /** Client ids of the sessions that share the subscription; default: one session, with a subscription of its own. */
  readonly sharedBy?: readonly string[]
  /** Instead of counting the topic's records. */
  readonly count?: () => Promise<number>
}

/** Fills the queues of sessions, starts the processes that own them, and watches their records arrive in Kafka. */
export async function drainQueue({ stage, signal }: Measuring, drain: QueueDrain): Promise<Figures> {
  const topic = await stage.topic(drain.partitions ?? PARTITIONS)
  const mosquitto = await stage.mosquitto()
  let subject: Subject | undefined
  try {
    const filter = drain.sharedBy === undefined ? FILTER : SHARED_FILTER
    for (const clientId of drain.sharedBy ?? [CLIENT]) await makeSession(mosquitto.address, clientId, filter)
    const publisher = await Publisher.connect(mosquitto.address)
    await publisher.fill(drain.messages, mqttMessages(drain), signal)
    publisher.close()
    subject = await drain.start({ mqtt: mosquitto.address, clientId: CLIENT, filter, topic })
    const count = drain.count ?? (() => recordsIn(stage, topic))
    return await watchDrain(drain.messages, count, subject, signal)
  } finally {
    await subject?.end()
    await mosquitto.stop()
  }
}

/** Records that a topic has had so far. */
export async function recordsIn(stage: Stage, topic: string): Promise<number> {
  const { admin } = await stage.kafka()
  const offsets = await patiently(() => admin.fetchTopicOffsets(topic))
  return offsets.reduce((sum, { high }) => sum + Number(high), 0)
}

/** The broker queues only for a session that exists and has subscribed. */
async function makeSession(url: string, clientId: string, filter: string): Promise<void> {
  const client = await connectAsync(url, { clientId, clean: false, protocolVersion: 4 })
  await client.subscribeAsync(filter, { qos: 1 })
  await client.endAsync()
}
