/**
 * How fast the first leg drains what an MQTT broker has queued: Mosquitto → source → topic → producer → Kafka,
 * with one message on the wires each (as in the example) and in batches.
 *
 *     npx tsx bench/mqtt-to-kafka.ts [messages=200000]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel, type Admin } from 'kafkajs'
import { connectAsync } from 'mqtt'
import { NodeRed } from '../dev/node-red'
import { freePort } from '../dev/services/free-port'
import { startKafka } from '../dev/services/kafka'
import { startMosquitto, type Mosquitto } from '../dev/services/mosquitto'
import { example } from './flows'
import { measureDrain, report } from './measure'

const TOPIC = 'iot-messages'
const PAYLOAD_BYTES = 300
/** Saving at every change, as the tests want it, writes the whole queue each time. */
const LARGE_QUEUE = ['autosave_on_changes false', 'autosave_interval 600']
const messages = Number(process.argv[2] ?? 200_000)

async function main(): Promise<void> {
  const kafka = await startKafka()
  const admin = new Kafka({ brokers: kafka.address.split(','), logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    for (const mode of ['message', 'batch']) await drain(mode, kafka.address, admin)
  } finally {
    await admin.disconnect()
    await kafka.stop()
  }
}

async function drain(mode: string, brokers: string, admin: Admin): Promise<void> {
  const mosquitto = await startMosquitto({ maxInflight: 1000, config: LARGE_QUEUE })
  const userDir = mkdtempSync(path.join(tmpdir(), 'tenant-bench-'))
  const nodeRed = await NodeRed.start({
    userDir,
    port: await freePort(),
    env: { MQTT_URL: mosquitto.address, KAFKA_BROKERS: brokers, DATABASE_URL: 'postgres://127.0.0.1:1/none' },
    flow: example('01 MQTT to Kafka to PostgreSQL', {
      without: ['tenant-kafka-consumer', 'tenant-postgres-sink', 'tenant-dead-letter'],
      change: { 'tenant-mqtt-source': { mode } },
    }),
  })
  try {
    // The session has to exist before the broker queues for it: publish until a message comes through.
    const before = await throughOnce(mosquitto, admin)
    await nodeRed.stop()
    await fill(mosquitto, messages)
    await nodeRed.start()
    const measured = await measureDrain(messages, async () => (await inKafka(admin)) - before, nodeRed)
    report(`MQTT to Kafka, ${messages} messages of ${PAYLOAD_BYTES} B queued, ${mode} on the wires`, measured)
  } finally {
    await nodeRed.stop()
    await mosquitto.stop()
    rmSync(userDir, { recursive: true, force: true })
  }
}

async function throughOnce(mosquitto: Mosquitto, admin: Admin): Promise<number> {
  const start = await inKafka(admin)
  while ((await inKafka(admin)) === start) {
    await fill(mosquitto, 1)
    await sleep(200)
  }
  // Whatever the repeated attempts have left comes through as well before the count is taken.
  for (let last = -1, now = await inKafka(admin); last !== now; now = await inKafka(admin)) {
    last = now
    await sleep(1000)
  }
  return inKafka(admin)
}

async function fill(mosquitto: Mosquitto, count: number): Promise<void> {
  const client = await connectAsync(mosquitto.address, { protocolVersion: 4 })
  for (let sent = 0; sent < count;) {
    const chunk: Promise<unknown>[] = []
    for (; chunk.length < 1000 && sent < count; sent++) {
      const [tenant, device] = [sent % 20, sent % 200]
      const topic = `mtic/msg/client/realtime/tenant${tenant}/project${tenant}/device${device}`
      const head = `{"deviceId":"device${device}","timestamp":1732715160,"seq":${sent},"pad":"`
      chunk.push(
        client.publishAsync(topic, head + 'x'.repeat(PAYLOAD_BYTES - head.length - 2) + '"}', { qos: 1 }),
      )
    }
    await Promise.all(chunk)
  }
  await client.endAsync()
}

async function inKafka(admin: Admin): Promise<number> {
  try {
    const offsets = await admin.fetchTopicOffsets(TOPIC)
    return offsets.reduce((sum, { high }) => sum + Number(high), 0)
  } catch {
    return 0 // the flow has not made its topic yet
  }
}

void main()
