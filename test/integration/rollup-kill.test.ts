/**
 * Example 14 in a Node-RED that is killed at random moments, with a PostgreSQL that crashes in between, and a second
 * Node-RED that takes partitions over: the windows are what plain SQL makes of the raw rows beside them.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { NodeRed } from '../../dev/node-red'
import { freePort } from '../../dev/services/free-port'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import type { WireRecord } from '../../src/wire/message'
import { createTestTopic, sharedKafka, uniqueName } from '../support/kafka'
import { KafkaWriter } from '../support/kafka-writer'
import { exampleFlow } from '../support/pipeline'
import { createDatabaseAt, type TestDatabase } from '../support/postgres'
import { randomFrom, testSeed } from '../support/random'
import { plainSql, windowsOf } from '../support/rollup'
import { until } from '../support/until'

/** `TEST_KILLS=20` for more of them. */
const KILLS = Number(process.env['TEST_KILLS'] ?? 4)
const RECORDS = 20_000
const DEVICES = 50
const SUMS = 'iot_raw_sums'
const DAY_MS = 86_400_000

const RAW = JSON.stringify([
  { column: 'time', from: 'time' },
  { column: 'tenant_id', from: 'tenant' },
  { column: 'project_id', from: 'project' },
  { column: 'device_id', from: 'device' },
  { column: 'payload', from: 'payload' },
  { column: 'kafka_offset', from: 'kafka.offset', type: 'bigint' },
])

describe('a roll-up that is killed', function () {
  this.timeout(600_000)
  let folder: string
  let server: OwnPostgres
  let test: TestDatabase
  let writer: KafkaWriter
  let nodeRed: NodeRed | undefined
  let second: NodeRed | undefined

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tenant-pipeline-rollup-'))
    server = await startOwnPostgres()
    test = await createDatabaseAt(server.address)
  })
  after(async () => {
    await Promise.all([nodeRed?.stop(), second?.stop()])
    await writer?.close()
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it(`comes to what plain SQL says after ${KILLS} kills, crashes of PostgreSQL and a rebalance`, async () => {
    const { address: brokers } = await sharedKafka()
    const topic = uniqueName('rollup')
    await createTestTopic(brokers, { name: topic, partitions: 6 })
    writer = new KafkaWriter(brokers)
    const next = randomFrom(testSeed())
    const integer = (to: number): number => Math.floor(next() * to)
    const now = Date.now()
    const one = (n: number): WireRecord => {
      const device = `d${integer(DEVICES)}`
      // One in ten is up to twenty days late.
      const time = now - integer(3600) * 1000 - (integer(10) === 0 ? integer(20) * DAY_MS : 0)
      const payload = {
        at: new Date(time).toISOString(),
        t: integer(10_000) / 100,
        level: integer(1000) / 8,
        n,
      }
      return {
        ...{ tenant: `t${integer(3)}`, project: 'p', device, payload: Buffer.from(JSON.stringify(payload)) },
        kafka: { topic, key: device },
      }
    }
    const flow = exampleFlow('14').map((entry) => {
      if (entry.type === 'tenant-kafka-consumer')
        return { ...entry, topics: topic, group: topic, maxBatchRecords: 500 }
      if (entry.type === 'tenant-rollup') return { ...entry, timeProperty: 'payload.at', quarter: true }
      if (entry.type !== 'tenant-postgres-sink') return entry
      return { ...entry, timeProperty: 'payload.at', columns: RAW, retentionDays: 0 }
    })
    const env = { KAFKA_BROKERS: brokers, DATABASE_URL: test.url }
    nodeRed = await NodeRed.start({ userDir: folder, port: await freePort(), env, flow })
    let sent = 0
    const send = async (count: number): Promise<void> => {
      for (const upTo = Math.min(RECORDS, sent + count); sent < upTo; sent += 500)
        await writer.write(Array.from({ length: 500 }, (_, at) => one(sent + at)))
    }
    const passed = async (sink: string): Promise<number> => {
      const rows = await test
        .query<{ n: string | null }>(`select sum(next_offset) as n from iot_ledger where sink = $1`, [sink])
        .catch(() => [])
      return Number(rows[0]?.n ?? 0)
    }
    for (let kill = 0; kill < KILLS; kill++) {
      const before = await passed(`public.${SUMS}`)
      await send(Math.ceil(RECORDS / KILLS))
      await until('windows change', async () => (await passed(`public.${SUMS}`)) > before)
      // A moment that is chosen blindly: within a transaction, before it, or after.
      await sleep(integer(400))
      if (kill % 7 === 1) {
        await server.kill()
        await server.restart()
      }
      if (kill === 2)
        second = await NodeRed.start({
          userDir: path.join(folder, 'second'),
          port: await freePort(),
          env,
          flow,
        })
      await nodeRed.kill('SIGKILL')
      await nodeRed.start()
    }
    for (const sink of ['public.iot_raw', `public.${SUMS}`])
      await until(`${sink} has come to the end`, async () => (await passed(sink)) >= RECORDS)

    const [raw] = await test.query<{ n: string; distinct: string }>(
      `select count(*) as n, count(distinct payload ->> 'n') as distinct from iot_raw`,
    )
    assert.deepEqual(raw, { n: String(RECORDS), distinct: String(RECORDS) })
    for (const name of ['15m', '1h', '1d'] as const) {
      const expected = await plainSql(test, 'iot_raw', name, ['t', 'level', 'n'])
      assert.ok(expected.length > DEVICES)
      assert.deepEqual(await windowsOf(test, name, SUMS), expected, name)
    }
    // Those of a minute are kept for seven days.
    const kept = (rows: object[]): object[] =>
      rows.filter((row) => (row as { time: Date }).time.getTime() >= Math.floor(now / DAY_MS - 7) * DAY_MS)
    const minutes = await plainSql(test, 'iot_raw', '1m', ['t', 'level', 'n'])
    assert.deepEqual(await windowsOf(test, '1m', SUMS), kept(minutes))
  })
})
