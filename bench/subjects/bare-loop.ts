/**
 * The peer of the first leg that everybody can write: `mqtt` and `kafkajs` in one Node.js process, without Node-RED and
 * without safety. Messages are acknowledged when they arrive, and wait for Kafka in memory without a bound. Run by
 * `bare-loop-process.ts`.
 */
import { CompressionCodecs, CompressionTypes, Kafka, logLevel, type Message } from 'kafkajs'
import snappy from 'kafkajs-snappy'
import { connect } from 'mqtt'

const BATCH = 1000
const { MQTT_URL = '', KAFKA_BROKERS = '', CLIENT_ID = '', FILTER = '', TOPIC = '' } = process.env

async function main(): Promise<void> {
  CompressionCodecs[CompressionTypes.Snappy] = snappy
  const producer = new Kafka({ brokers: KAFKA_BROKERS.split(','), logLevel: logLevel.ERROR }).producer()
  await producer.connect()
  let waiting: Message[] = []
  let isSending = false
  const send = async (): Promise<void> => {
    isSending = true
    while (waiting.length > 0) {
      const messages = waiting.slice(0, BATCH)
      waiting = waiting.slice(BATCH)
      await producer.send({ topic: TOPIC, acks: -1, compression: CompressionTypes.Snappy, messages })
    }
    isSending = false
  }
  const client = connect(MQTT_URL, { clientId: CLIENT_ID, clean: false, protocolVersion: 4 })
  client.on('message', (topic, value) => {
    waiting.push({ key: topic, value, headers: { 'mqtt-topic': topic } })
    if (!isSending) void send()
  })
  client.subscribe(FILTER, { qos: 1 })
}

void main()
