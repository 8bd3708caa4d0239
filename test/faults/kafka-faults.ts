/** What the K rows do to a cluster of three brokers, and how they see that it has worked. */
import { ConfigResourceTypes } from 'kafkajs'
import { parser as packetParser } from 'mqtt-packet'
import { untilInSync, withAdmin } from '../support/kafka'
import { until } from '../support/until'
import { API, KafkaMeddler, producedErrors } from './kafka-meddler'
import { idIn } from './oracle'
import type { Run } from './row'
import { TOPIC, type Stage, type StageOptions } from './stage'

/** Of every topic of these rows. */
export const TOPIC_CONFIG = { 'message.timestamp.type': 'LogAppendTime', 'min.insync.replicas': '2' }

/** Three brokers, and a producer that creates no topics. */
export const THREE_BROKERS: StageOptions = {
  brokers: 3,
  // A broker that has asked a frozen controller for something waits half a minute for the answer, by default.
  kafka: { 'controller.socket.timeout.ms': '2000' },
  topic: { config: TOPIC_CONFIG },
  change: { 'tenant-kafka-producer': { missingTopic: 'wait' } },
}

/** Kafka's numbers of what it answers to a produce request. */
export const ERROR = {
  none: 0,
  requestTimedOut: 7,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  invalidRequiredAcks: 21,
  unsupportedForMessageFormat: 43,
  outOfOrderSequence: 45,
  invalidProducerEpoch: 47,
  unknownProducerId: 59,
} as const

/** Everybody may do everything that no rule forbids. The controllers need a name, to act before the rules are read. */
export const WITH_RIGHTS = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'allow.everyone.if.no.acl.found': 'true',
  'super.users': 'User:controller',
  'listener.security.protocol.map': 'CONTROLLER:SASL_PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT',
  'sasl.mechanism.controller.protocol': 'PLAIN',
  'listener.name.controller.sasl.enabled.mechanisms': 'PLAIN',
  'listener.name.controller.plain.sasl.jaas.config':
    'org.apache.kafka.common.security.plain.PlainLoginModule required ' +
    'username="controller" password="loopback" user_controller="loopback";',
}

/**
 * The leader of each partition, by the broker's id.
 * @param asked the address of the broker that says so: each learns of a change for itself
 */
export function leaders(stage: Stage, asked = stage.kafka.address): Promise<Map<number, number>> {
  return withAdmin(asked, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] })
    return new Map(topics[0]?.partitions.map(({ partitionId, leader }) => [partitionId, leader]))
  })
}

/** Starts the brokers that do not run, and waits until every replica is in sync. */
export async function startAll(stage: Stage): Promise<void> {
  for (const broker of stage.kafka.brokers) {
    broker.thaw()
    broker.start()
  }
  await stage.kafka.ready()
  for (const topic of stage.topics) await untilInSync(stage.kafka.address, topic)
}

export async function configure(stage: Stage, config: Readonly<Record<string, string>>): Promise<void> {
  const entries = { ...TOPIC_CONFIG, ...config }
  const configEntries = Object.entries(entries).map(([name, value]) => ({ name, value }))
  await withAdmin(stage.kafka.address, (admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: TOPIC, configEntries }],
    }),
  )
}

/** Waits until the producer says what keeps it from writing. */
export function untilProducerSays(stage: Stage, words: RegExp): Promise<void> {
  return stage.untilStatus('tenant-kafka-producer', `says ${words.source}`, ({ text }) => words.test(text))
}

/** Messages of this run that Kafka took between two moments, in these partitions and topics. */
export async function takenBetween(
  { stage, name }: Run,
  from: number,
  to: number,
  where: { readonly partition?: (partition: number) => boolean; readonly topic?: string } = {},
): Promise<number> {
  const records = await stage.records(where.topic)
  return records.filter(
    (record) =>
      record.appendedAt >= from &&
      record.appendedAt <= to &&
      (where.partition?.(record.partition) ?? true) &&
      idIn(record)?.startsWith(`${name}-`) === true,
  ).length
}

/** Waits until Kafka has all that the MQTT broker has acknowledged so far. The publisher has to pause. */
export async function untilDrained({ stage, publisher, name }: Run): Promise<void> {
  await until('Kafka has everything', async () => {
    const ids = (await stage.records()).map(idIn)
    return new Set(ids.filter((id) => id?.startsWith(`${name}-`))).size >= publisher.acknowledged
  })
}

/** Counts, by their numbers, the errors that brokers answer to the records of our producer: its words are fewer. */
export class ProduceErrors {
  /** What the producer gets instead of success, or of another error: the records are stored or refused all the same. */
  readonly instead = new Map<number, number>()
  private readonly counts = new Map<number, number>()

  constructor(private readonly meddler: KafkaMeddler) {
    meddler.onAnswer = (call, answer) => {
      if (call.api !== API.produce) return
      for (const { at, code } of producedErrors(call, answer)) {
        const told = this.instead.get(code) ?? code
        answer.writeInt16BE(told, at)
        if (told !== ERROR.none) this.counts.set(told, this.of(told) + 1)
      }
    }
  }

  of(code: number): number {
    return this.counts.get(code) ?? 0
  }

  /** All of them, for a message. */
  toString(): string {
    return [...this.counts].map(([code, count]) => `${count} times ${code}`).join(', ')
  }

  end(): void {
    this.meddler.clear()
  }
}

/** Counts the PUBACK and PUBREC packets that our client sends from now on: each settles a message with the broker. */
export class SettledCount {
  count = 0

  constructor(private readonly stage: Stage) {
    const parser = packetParser()
    parser.on('packet', ({ cmd }) => {
      if (cmd === 'puback' || cmd === 'pubrec') this.count++
    })
    stage.mqttProxy.set({ watch: (bytes, direction) => direction === 'up' && parser.parse(bytes) })
  }

  end(): void {
    this.stage.mqttProxy.set({})
  }
}
