/** One message is followed through both legs, with the SDK of OpenTelemetry in Node-RED's process and a receiver of spans. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { NodeRed } from '../../dev/node-red'
import { freePort } from '../../dev/services/free-port'
import { PROJECT_ROOT } from '../../dev/project'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import { OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver'
import { Pipeline } from '../support/pipeline'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { until } from '../support/until'

const TOPIC = 'mtic/msg/client/realtime/acme/solar/pump'
const COLUMNS = [
  { column: 'time', from: 'time' },
  { column: 'payload', from: 'payload' },
  { column: 'traceparent', from: 'kafka.headers.traceparent' },
]

describe('traces', function () {
  this.timeout(180_000)
  let broker: Mosquitto
  let kafka: KafkaService
  let database: TestDatabase
  let receiver: OtlpReceiver
  let pipeline: Pipeline
  let device: MqttClient

  before(async () => {
    ;[broker, kafka, database, receiver] = await Promise.all([
      startMosquitto(),
      startKafka(),
      createTestDatabase(),
      OtlpReceiver.start(),
    ])
    const sdk = path.join(PROJECT_ROOT, 'test/support/otel-sdk.cjs')
    pipeline = await Pipeline.start({
      example: '01',
      mqttUrl: broker.address,
      brokers: kafka.address,
      databaseUrl: database.url,
      env: {
        NODE_OPTIONS: `--require "${sdk}"`,
        OTLP_URL: receiver.url,
        TENANT_PIPELINE_TRACES: 'true',
      },
    })
    const flow = pipeline.flow.map((entry) =>
      entry.type === 'tenant-postgres-sink' ? { ...entry, columns: JSON.stringify(COLUMNS) } : entry,
    )
    await pipeline.nodeRed.deploy(flow)
    await pipeline.untilSubscribed()
    device = await connectAsync(broker.address, { protocolVersion: 5 })
  })

  after(async () => {
    await device?.endAsync()
    await pipeline?.stop()
    await Promise.all([broker?.stop(), kafka?.stop(), database?.drop(), receiver?.stop()])
  })

  const untilTraced = (what: string, isTraced: () => boolean): Promise<void> =>
    until(
      () => `${what} (${receiver.spans.map(({ name }) => name).join(', ')})\n${pipeline.nodeRed.logTail()}`,
      isTraced,
    )

  it('follow a message from the trace of its device to its row', async () => {
    const [traceId, ofDevice] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']
    const userProperties = { traceparent: `00-${traceId}-${ofDevice}-01` }
    await device.publishAsync(TOPIC, '{"n":1}', { qos: 1, properties: { userProperties } })
    const ofTrace = (): ReceivedSpan[] => receiver.spans.filter((span) => span.traceId === traceId)
    await untilTraced('all of its spans have ended', () => ofTrace().length >= 4)
    const inTrace = ofTrace()
    const receive = inTrace.find(({ name }) => name === 'receive mqtt') as ReceivedSpan
    assert.equal(receive.parentSpanId, ofDevice)
    const others = inTrace.filter((span) => span !== receive)
    assert.deepEqual(others.map(({ name }) => name).sort(), [
      'insert "iot_messages"',
      'process iot-messages',
      'publish iot-messages',
    ])
    for (const { name, parentSpanId } of others) assert.equal(parentSpanId, receive.spanId, name)
    const [row] = await pipeline.rows<{ traceparent: string }>('select traceparent from TABLE')
    assert.equal(row?.traceparent, `00-${traceId}-${receive.spanId}-01`)
  })

  it('link what is done with a batch to each of its messages, which begin traces of their own', async () => {
    const messages = Array.from({ length: 40 }, (_, n) =>
      device.publishAsync(TOPIC, `{"n":${n}}`, { qos: 1 }),
    )
    await Promise.all(messages)
    const batches = (): ReceivedSpan[] => receiver.spans.filter(({ links = [] }) => links.length > 1)
    const kinds = (): string[] =>
      [...new Set(batches().map(({ name }) => name.split(' ')[0] as string))].sort()
    await untilTraced('all are acknowledged', () => receiver.named('receive').length >= 41)
    await untilTraced('batches have gone through', () => kinds().length === 3)
    const received = new Set(receiver.named('receive').map(({ traceId, spanId }) => `${traceId} ${spanId}`))
    assert.equal(new Set(receiver.named('receive').map(({ traceId }) => traceId)).size, 41)
    assert.deepEqual(kinds(), ['insert', 'process', 'publish'])
    for (const { links = [] } of batches()) {
      for (const { traceId, spanId } of links) assert.ok(received.has(`${traceId} ${spanId}`))
    }
  })

  it('without an SDK are a line in the log, and nothing else', async () => {
    const userDir = mkdtempSync(path.join(tmpdir(), 'tenant-traces-'))
    const env = { TENANT_PIPELINE_TRACES: 'true' }
    const nodeRed = await NodeRed.start({ userDir, port: await freePort(), env, flow: [] })
    try {
      await until('it says so', () => nodeRed.logTail().includes('TRACES_WITHOUT_SDK'))
    } finally {
      await nodeRed.stop()
      rmSync(userDir, { recursive: true, force: true })
    }
  })

  it('say what has failed', async () => {
    // Each change is one transaction: the sink, which makes a missing table, never sees a moment without one.
    await database.query(
      'alter table iot_messages rename to elsewhere; create view iot_messages as select 1 as nothing',
    )
    await device.publishAsync(TOPIC, '{"n":2}', { qos: 1 })
    await until('the sink has failed', () =>
      receiver.named('insert').some(({ status }) => status?.code === 2),
    )
    await database.query('drop view iot_messages; alter table elsewhere rename to iot_messages')
    await until('the row is stored', async () => (await pipeline.rows('select from TABLE')).length === 42)
  })
})
