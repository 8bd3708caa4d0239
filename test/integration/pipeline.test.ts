/** Every example as it ships, on Node-RED 4.1 and 5, with messages through it; and what devices send wrong. */
import assert from 'node:assert/strict'
import { connectAsync } from 'mqtt'
import { accountFor } from '../../dev/accounting'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import type { Mosquitto } from '../../dev/services/mosquitto'
import { devicesOf, readingOf } from '../../dev/simulator/fleet'
import { AcknowledgementLedger } from '../../dev/simulator/ledger'
import { Simulator } from '../../dev/simulator/simulator'
import { deadLettersOf } from '../support/dead-letters'
import { testClient, withAdmin } from '../support/kafka'
import { Pipeline, type Example, startBusyBroker } from '../support/pipeline'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { until } from '../support/until'

const FLEET = { tenants: 2, projects: 2, devices: 8, rate: 500, qos: 1 } as const
const PREFIX = 'mtic/msg/client/realtime'

/** What devices send wrong, by the topic they send it on. */
const BAD_INPUT: Readonly<Record<string, string | Buffer>> = {
  [`${PREFIX}/not.allowed/plant/topic-does-not-match`]: '{"ok":true}',
  [`${PREFIX}/acme/plant/not-json`]: 'temperature: 25.3',
  [`${PREFIX}/acme/plant/cut-off`]: '{"temperature":25.',
  [`${PREFIX}/acme/plant/nul-byte`]: Buffer.from([0x7b, 0x00, 0x7d]),
  [`${PREFIX}/acme/plant/nul-escape`]: '{"name":"a\\u0000b"}',
  [`${PREFIX}/acme/plant/not-utf-8`]: Buffer.from([0x22, 0xff, 0xfe, 0x22]),
  [`${PREFIX}/acme/plant/empty`]: '',
  [`${PREFIX}/acme/plant/two-megabytes`]: `{"blob":"${'x'.repeat(2 * 1024 * 1024)}"}`,
}

for (const version of ['4.1', '5'] as const) {
  describe(`the examples on Node-RED ${version}`, function () {
    this.timeout(240_000)
    let broker: Mosquitto
    let kafka: KafkaService
    let database: TestDatabase
    let pipeline: Pipeline | undefined

    before(async () => {
      ;[broker, kafka] = await Promise.all([startBusyBroker(), startKafka()])
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
      const addresses = { mqttUrl: broker.address, brokers: kafka.address, databaseUrl: database.url }
      pipeline = await Pipeline.start({ example, version, ...addresses })
      return pipeline
    }

    /** A thousand messages of the devices are in the table, each once. */
    const storesEachOnce = async (running: Pipeline, qos: 1 | 2 = 1): Promise<void> => {
      await running.untilSubscribed()
      const simulator = await Simulator.start({ ...FLEET, qos, url: broker.address })
      await until('a thousand messages are published', () => simulator.ledger.acknowledged >= 1000)
      await simulator.stop()
      const { missing, duplicates } = await running.drained(simulator.ledger.snapshot())
      assert.deepEqual({ missing, duplicates }, { missing: 0, duplicates: 0 })
    }

    for (const example of ['01', '02', '04'] as const) {
      it(`${example} stores every message of the devices once`, async () => {
        await storesEachOnce(await start(example))
      })
    }

    it('06 changes each message of a batch, and splits it for nodes that look at one', async () => {
      const running = await start('06')
      await storesEachOnce(running)
      const [wrong] = await running.rows<{ changed: number; marked: number; high: number }>(
        `select (count(*) filter (where abs(celsius * 1.8 + 32 - fahrenheit) > 0.01 or fahrenheit is null))::int as changed,
                (count(*) filter (where (celsius >= 28) is distinct from (level is not distinct from 'high')))::int as marked,
                (count(*) filter (where level = 'high'))::int as high
         from (select (payload->>'temperature')::float8 as celsius, (payload->>'fahrenheit')::float8 as fahrenheit,
                      payload->>'level' as level from TABLE) as readings`,
      )
      assert.deepEqual({ ...wrong, high: (wrong?.high ?? 0) > 0 }, { changed: 0, marked: 0, high: true })
      await running.untilGreen('tenant-mqtt-source')
      await running.untilGreen('tenant-kafka-consumer')
    })

    // What these have of their own depends on the services, not on the version of Node-RED.
    if (version === '5') {
      it('07 stores every message once that devices publish with QoS 2', async () => {
        await storesEachOnce(await start('07'), 2)
      })

      it('08 shares the messages between two Node-REDs, and stores each once', async () => {
        const addresses = { mqttUrl: broker.address, brokers: kafka.address, databaseUrl: database.url }
        const other = await Pipeline.start({ example: '08', clientId: 'pipeline-b', ...addresses })
        try {
          await other.untilSubscribed()
          await storesEachOnce(await start('08'))
          for (const each of [other, pipeline!]) await each.untilGreen('tenant-kafka-consumer')
        } finally {
          await other.stop()
        }
      })

      it('09 stores the messages of each tenant in a schema of its own', async () => {
        const running = await start('09')
        await running.untilSubscribed()
        const simulator = await Simulator.start({ ...FLEET, url: broker.address })
        await until('a thousand messages are published', () => simulator.ledger.acknowledged >= 1000)
        await simulator.stop()
        const snapshot = simulator.ledger.snapshot()
        await until(
          () => `all are in the tables of their tenants\n${running.nodeRed.logTail()}`,
          async () => {
            const { rows } = await running.database.query<{ schema: string }>(
              `select table_schema as schema from information_schema.tables where table_name = 'iot_of_tenant'`,
            )
            if (rows.length < FLEET.tenants) return false
            const accounts = await Promise.all(
              rows.map(({ schema }) =>
                accountFor(snapshot, {
                  client: running.database,
                  table: `${schema}.iot_of_tenant`,
                  since: new Date(0),
                }),
              ),
            )
            for (const { duplicates } of accounts) assert.equal(duplicates, 0)
            const { published } = accounts[0]!
            return accounts.reduce((sum, { missing }) => sum + published - missing, 0) === published
          },
          { pollMs: 250 },
        )
      })

      it('10 stores the messages of the devices once, in a hypertable if the server offers TimescaleDB', async () => {
        await storesEachOnce(await start('10'))
        const ofTable = `hypertable_name = 'iot_readings_ts'`
        const offered = `select from pg_available_extensions where name = 'timescaledb'`
        if ((await database.query(offered)).length === 0) return
        const chunks = await database.query(
          `select time_interval::text as length from timescaledb_information.dimensions where ${ofTable}`,
        )
        assert.deepEqual(chunks, [{ length: '06:00:00' }])
        const policies = await database.query(
          `select proc_name as job, coalesce(config->>'compress_after', config->>'drop_after') as after
             from timescaledb_information.jobs where ${ofTable} order by 1`,
        )
        assert.deepEqual(policies, [
          { job: 'policy_compression', after: '7 days' },
          { job: 'policy_retention', after: '365 days' },
        ])
      })

      it('11 stores what comes through a subflow once, with other topics in each of its uses', async () => {
        const running = await start('11')
        await storesEachOnce(running)
        const client = await connectAsync(broker.address)
        await client.publishAsync('plant2/acme/north/d1', '{"temperature":21}', { qos: 1 })
        await client.endAsync()
        await until('the other plant is stored', async () => {
          const rows = await running.rows('select 1 from TABLE where mqtt_topic = $1', [
            'plant2/acme/north/d1',
          ])
          return rows.length === 1
        })
      })

      it('12 stores the messages of the devices once, and has the latest of each on a page', async () => {
        const running = await start('12')
        await storesEachOnce(running)
        const { editorUrl } = running.nodeRed
        assert.match(await (await fetch(`${editorUrl}/live`)).text(), /<tbody>/)
        const latest = (await (await fetch(`${editorUrl}/live/latest`)).json()) as { value: string }[]
        assert.equal(latest.length, FLEET.devices)
        for (const { value } of latest) assert.match(value, /"temperature":/)
      })
    }

    it('03 stores every record of a topic that something else has filled', async () => {
      const running = await start('03')
      const ledger = await produceReadings(kafka.address, 1000)
      const { missing, duplicates } = await running.drained(ledger.snapshot())
      assert.deepEqual({ missing, duplicates }, { missing: 0, duplicates: 0 })
    })

    it('13 stores what the nodes between split and join have let through, as they have changed it, once', async () => {
      const running = await start('13')
      await produceReadings(kafka.address, 1000)
      // Other tests of this file may have written to the topic as well.
      const ends = await withAdmin(kafka.address, (admin) => admin.fetchTopicOffsets('iot-messages'))
      const end = ends.reduce((sum, { high }) => sum + Number(high), 0)
      await until('all is settled', async () => {
        const { rows } = await running.database
          .query<{ sum: number }>('select sum(next_offset)::int as sum from iot_ledger group by sink')
          .catch(() => ({ rows: [] }))
        return rows.length === 2 && rows.every(({ sum }) => sum === end)
      })
      const [found] = await running.rows<{ warm: number; wrong: number }>(
        `select count(*)::int as warm,
                (count(*) filter (where celsius < 25 or abs(celsius * 1.8 + 32 - fahrenheit) > 0.01 or fahrenheit is null))::int as wrong
         from (select (payload->>'temperature')::float8 as celsius, (payload->>'fahrenheit')::float8 as fahrenheit from TABLE) as readings`,
      )
      assert.equal(found?.wrong, 0)
      assert.ok(found.warm > 0 && found.warm < end)
      assert.equal(await running.repeatedPositions(), 0)
    })

    it('01 makes a row or a dead letter with a reason of whatever devices send', async () => {
      const running = await start('01')
      await running.untilSubscribed()
      const client = await connectAsync(broker.address, { protocolVersion: 4 })
      const simulator = await Simulator.start({ ...FLEET, url: broker.address })
      for (const [topic, payload] of Object.entries(BAD_INPUT)) {
        await client.publishAsync(topic, payload, { qos: 1 })
      }
      await client.endAsync()
      const missing = new Set(Object.keys(BAD_INPUT))
      await until(
        () => `rows or dead letters of ${[...missing].join(', ')}\n${running.nodeRed.logTail()}`,
        async () => {
          const rows = await running.rows<{ topic: string }>(
            'select distinct mqtt_topic as topic from TABLE where mqtt_topic = any($1)',
            [Object.keys(BAD_INPUT)],
          )
          const letters = await deadLettersOf(running, kafka.address)
          for (const { reason, topic } of letters) assert.notEqual(reason, '', `a reason for ${topic}`)
          for (const { topic } of [...rows, ...letters]) missing.delete(topic)
          return missing.size === 0
        },
        { pollMs: 500 },
      )
      await simulator.stop()
      const account = await running.drained(simulator.ledger.snapshot())
      assert.deepEqual([account.missing, account.duplicates], [0, 0])
      await running.untilGreen('tenant-mqtt-source')
    })
  })
}

/** Readings as another program would write them: the payload, and the MQTT topic in a header. */
async function produceReadings(brokers: string, count: number): Promise<AcknowledgementLedger> {
  const ledger = new AcknowledgementLedger(`produced-${count}`)
  const devices = devicesOf(FLEET)
  const readings = Array.from({ length: count }, (_, index) => {
    const device = devices[index % devices.length]
    assert.ok(device)
    return { device, seq: ledger.issue(device.topic) }
  })
  const messages = readings.map(({ device, seq }) => {
    const [tenant = '', project = ''] = device.topic.slice(PREFIX.length + 1).split('/')
    const value = readingOf(device, ledger.runId, seq, Date.now())
    return { key: device.topic, value, headers: { tenant, project, 'mqtt-topic': device.topic } }
  })
  const producer = testClient(brokers).producer({ allowAutoTopicCreation: false })
  await producer.connect()
  await producer.send({ topic: 'iot-messages', acks: -1, messages })
  await producer.disconnect()
  for (const { device, seq } of readings) ledger.acknowledge(device.topic, seq)
  return ledger
}
