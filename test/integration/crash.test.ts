/**
 * Node-RED dies by `kill -9` while devices publish 1,000 messages a second, and starts again 3 s later. What the
 * MQTT broker acknowledged to the devices must be in Kafka and in the table; the seed repeats a run
 * (`TEST_SEED=… npx mocha test/integration/crash.test.ts`).
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import type { Mosquitto } from '../../dev/services/mosquitto'
import { readTopic } from '../support/kafka-log'
import { Pipeline, startBusyBroker } from '../support/pipeline'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { randomFrom, testSeed } from '../support/random'
import { readingOfRun, reportSequences } from '../support/sequences'
import { SimulatorProcess } from '../support/simulator-process'

const RATE = 1000
const DOWN_MS = 3000
const KILLS = 3

describe('kill -9 of Node-RED under load', function () {
  this.timeout(240_000)
  const seed = testSeed()
  const random = randomFrom(seed)
  let broker: Mosquitto
  let kafka: KafkaService
  let database: TestDatabase
  let pipeline: Pipeline

  before(async () => {
    console.log(`    seed ${seed}`)
    ;[broker, kafka, database] = await Promise.all([startBusyBroker(), startKafka(), createTestDatabase()])
    pipeline = await Pipeline.start({
      example: '01',
      mqttUrl: broker.address,
      brokers: kafka.address,
      databaseUrl: database.url,
    })
  })

  after(async () => {
    await pipeline?.stop()
    await Promise.all([broker?.stop(), kafka?.stop(), database?.drop()])
  })

  for (let kill = 1; kill <= KILLS; kill++) {
    it(`loses nothing, writes no Kafka position twice, keeps the order of each device (${kill} of ${KILLS})`, async () => {
      await pipeline.untilSubscribed()
      const simulator = await SimulatorProcess.start({ url: broker.address, rate: RATE })
      await simulator.untilAcknowledged(RATE + Math.floor(random() * 3 * RATE))
      await sleep(Math.floor(random() * 100))

      await pipeline.nodeRed.kill('SIGKILL')
      await sleep(DOWN_MS)
      await pipeline.nodeRed.start()
      await simulator.untilAcknowledged(simulator.acknowledged + 3 * RATE)
      const ledger = await simulator.stop()

      const { missing } = await pipeline.drained(ledger)
      assert.equal(missing, 0)
      assert.equal(await pipeline.repeatedPositions(), 0)

      const records = await readTopic(kafka.address, 'iot-messages')
      const inKafka = reportSequences(
        records.flatMap(({ headers, value }) =>
          readingOfRun(headers['mqtt-topic'] ?? '', value, ledger.runId),
        ),
      )
      const window = Number(pipeline.flow.find(({ type }) => type === 'tenant-mqtt-source')?.windowMessages)
      assert.ok(inKafka.repeated <= window, `${inKafka.repeated} repeated in Kafka, window ${window}`)
      assert.deepEqual(inKafka.disordered, [])

      const rows = await pipeline.rows<{ device: string; seq: number }>(
        `select mqtt_topic as device, (payload->>'seq')::int as seq from TABLE
         where payload->>'run' = $1 order by created_at, kafka_partition, kafka_offset`,
        [ledger.runId],
      )
      assert.deepEqual(reportSequences(rows).disordered, [])
    })
  }
})
