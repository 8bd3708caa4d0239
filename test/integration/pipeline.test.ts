/** Every example as it ships, on Node-RED 4.1 and 5, with messages through it; and what devices send wrong. */
import assert from 'node:assert/strict'
import { connect, type MqttClient } from 'mqtt'
import type { NodeRedVersion } from '../../dev/node-red/runtime'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import { Simulator } from '../../dev/simulator/simulator'
import { Pipeline, type Example } from '../support/pipeline'
import { createTestDatabase, type TestDatabase } from '../support/postgres'

const FLEET = { tenants: 2, projects: 2, devices: 8, rate: 500, qos: 1 } as const
const TOPIC = 'mtic/msg/client/realtime/acme/plant/press-1'

for (const version of ['4.1', '5'] as const) {
  describe(`the examples on Node-RED ${version}`, function () {
    this.timeout(240_000)
    let broker: Mosquitto
    let kafka: KafkaService
    let database: TestDatabase
    let pipeline: Pipeline | undefined

    before(async () => {
      ;[broker, kafka] = await Promise.all([startMosquitto(), startKafka()])
    })
    after(async () => {
      await Promise.all([broker?.stop(), kafka?.stop()])
    })
    beforeEach(async () => {
      database = await createTestDatabase()
    })
    afterEach(async () => {
      await pipeline?.stop()
      pipeline = undefined
      await database.drop()
    })

    const start = async (example: Example): Promise<Pipeline> => {
      pipeline = await startExample(example, version, { broker, kafka, database })
      return pipeline
    }

    for (const example of ['01', '02', '04'] as const) {
      it(`${example} stores every message of the devices once`, async () => {
        const running = await start(example)
        await running.untilSubscribed()
        const simulator = await Simulator.start({ ...FLEET, url: broker.address })
        await untilAcknowledged(simulator, 1000)
        await simulator.stop()
        const account = await running.drained(simulator.ledger.snapshot())
        assert.deepEqual([account.missing, account.duplicates], [0, 0])
      })
    }
  })
}

interface Surroundings {
  readonly broker: Mosquitto
  readonly kafka: KafkaService
  readonly database: TestDatabase
}

function startExample(
  example: Example,
  version: NodeRedVersion,
  { broker, kafka, database }: Surroundings,
): Promise<Pipeline> {
  return Pipeline.start({
    example,
    version,
    mqttUrl: broker.address,
    brokers: kafka.address,
    databaseUrl: database.url,
  })
}
