/**
 * Kafka or PostgreSQL goes away under load and comes back, nothing is reachable at the start, and flows are
 * deployed again while messages are on their way: nothing is lost, Node-RED stays, and the statuses tell.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FlowEntry } from '../../dev/node-red'
import { freePort } from '../../dev/services/free-port'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import type { Mosquitto } from '../../dev/services/mosquitto'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import { readTopic } from '../support/kafka-log'
import { Scraper } from '../support/metrics'
import { Pipeline, startBusyBroker } from '../support/pipeline'
import { readingOfRun, reportSequences } from '../support/sequences'
import { SimulatorProcess } from '../support/simulator-process'
import { until } from '../support/until'
import type { LedgerSnapshot } from '../../dev/simulator/ledger'

const RATE = 1000
const OUTAGE_MS = 15_000

describe('outages under load', function () {
  this.timeout(240_000)
  let broker: Mosquitto
  let kafka: KafkaService
  let postgres: OwnPostgres
  let pipeline: Pipeline
  let simulator: SimulatorProcess
  let scraper: Scraper

  before(async () => {
    const port = await freePort()
    ;[broker, kafka, postgres] = await Promise.all([startBusyBroker(), startKafka(), startOwnPostgres()])
    pipeline = await Pipeline.start({
      example: '01',
      mqttUrl: broker.address,
      brokers: kafka.address,
      databaseUrl: postgres.address,
      env: { TENANT_PIPELINE_METRICS_PORT: String(port) },
    })
    scraper = new Scraper(`http://127.0.0.1:${port}/metrics`)
  })

  after(async () => {
    await scraper?.stop()
    await pipeline?.stop()
    await Promise.all([broker?.stop(), kafka?.stop(), postgres?.stop()])
  })

  beforeEach(async () => {
    await pipeline.untilSubscribed()
    simulator = await SimulatorProcess.start({ url: broker.address, rate: RATE })
    await simulator.untilAcknowledged(2 * RATE)
  })

  /** Everything is stored, once for each position, and in order in Kafka. */
  async function assertNothingLost(ledger: LedgerSnapshot): Promise<void> {
    const { missing } = await pipeline.drained(ledger)
    assert.equal(missing, 0)
    assert.equal(await pipeline.repeatedPositions(), 0)
    assert.ok(scraper.scrapes > 0)
    assert.deepEqual(scraper.imbalances, [], 'each record is accounted for at each scrape')
    const records = await readTopic(kafka.address, 'iot-messages')
    const readings = records.flatMap(({ headers, value }) =>
      readingOfRun(headers['mqtt-topic'] ?? '', value, ledger.runId),
    )
    assert.deepEqual(reportSequences(readings).disordered, [])
  }

  it('Kafka is down for 15 s', async () => {
    const [server] = kafka.brokers
    assert.ok(server, 'this test stops Kafka, so it cannot use the one of KAFKA_BROKERS')
    await server.stop()
    await sleep(OUTAGE_MS)
    assert.ok(pipeline.nodeRed.running)
    assert.match(pipeline.statusOf('tenant-kafka-producer')?.text ?? '', /Kafka/)
    assert.notEqual(pipeline.statusOf('tenant-kafka-producer')?.fill, 'green')
    server.start()
    await kafka.ready()
    await simulator.untilAcknowledged(simulator.acknowledged + 2 * RATE)
    await assertNothingLost(await simulator.stop())
    await pipeline.untilGreen('tenant-kafka-producer')
  })

  it('PostgreSQL is down for 15 s', async () => {
    await postgres.shutDown()
    await sleep(OUTAGE_MS)
    assert.ok(pipeline.nodeRed.running)
    assert.match(pipeline.statusOf('tenant-postgres-sink')?.text ?? '', /PostgreSQL|database/i)
    assert.notEqual(pipeline.statusOf('tenant-postgres-sink')?.fill, 'green')
    await postgres.restart()
    await simulator.untilAcknowledged(simulator.acknowledged + 2 * RATE)
    await assertNothingLost(await simulator.stop())
    await pipeline.untilGreen('tenant-postgres-sink')
  })

  it('the whole flow is deployed again, and then each of its nodes alone', async () => {
    const flow = await pipeline.nodeRed.flow()
    await pipeline.nodeRed.deploy(flow, 'full')
    const types = [...new Set(flow.map(({ type }) => type))].filter((type) => type.startsWith('tenant-'))
    for (const type of types) {
      const before = simulator.acknowledged
      await pipeline.nodeRed.deploy(renamed(flow, type), 'nodes')
      await simulator.untilAcknowledged(before + RATE / 2)
    }
    await assertNothingLost(await simulator.stop())
  })

  /** The flow with another name on the first node of a type, which makes Node-RED replace that node. */
  function renamed(flow: readonly FlowEntry[], type: string): FlowEntry[] {
    const changed = flow.find((entry) => entry.type === type)
    return flow.map((entry) => (entry === changed ? { ...entry, name: `${type} renamed` } : entry))
  }
})

describe('a start without services', function () {
  this.timeout(120_000)
  let pipeline: Pipeline
  const started: { stop(): Promise<void> }[] = []

  after(async () => {
    await pipeline?.stop()
    await Promise.all(started.map((service) => service.stop()))
  })

  it('stays up, says what is missing, and connects when the services appear', async () => {
    const [mqttPort, kafkaPort, databasePort] = [await freePort(), await freePort(), await freePort()]
    pipeline = await Pipeline.start({
      example: '01',
      mqttUrl: `mqtt://127.0.0.1:${mqttPort}`,
      brokers: `127.0.0.1:${kafkaPort}`,
      databaseUrl: `postgres://postgres:postgres@127.0.0.1:${databasePort}/postgres`,
    })
    const types = [
      'tenant-mqtt-source',
      'tenant-kafka-producer',
      'tenant-kafka-consumer',
      'tenant-postgres-sink',
    ]
    for (const type of types) {
      await until(`${type} says that something is wrong`, () =>
        ['red', 'yellow'].includes(pipeline.statusOf(type)?.fill ?? ''),
      )
    }
    assert.ok(pipeline.nodeRed.running)

    const kafka = await startKafka({ port: kafkaPort })
    started.push(kafka, await startOwnPostgres({ port: databasePort }))
    const broker = await startBusyBroker(mqttPort)
    started.push(broker)
    await pipeline.untilSubscribed()
    const simulator = await SimulatorProcess.start({ url: broker.address, rate: RATE })
    await simulator.untilAcknowledged(RATE)
    const { missing } = await pipeline.drained(await simulator.stop())
    assert.equal(missing, 0)
  })
})
