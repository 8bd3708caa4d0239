/**
 * A restore, walked as docs/backup.md has it: PostgreSQL goes back to a backup, and then Kafka loses a topic. Everything that
 * one of the others still has is in the table once; what none has is said.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import type { Mosquitto } from '../../dev/services/mosquitto'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import { Simulator } from '../../dev/simulator/simulator'
import { askCommand, runCommand, type Env } from '../support/command'
import { createTestTopic, withAdmin } from '../support/kafka'
import { Pipeline, startBusyBroker } from '../support/pipeline'
import { until } from '../support/until'

const FLEET = { tenants: 2, projects: 2, devices: 8, rate: 500, qos: 1 } as const
const TOPIC = 'iot-messages'
const PARTITIONS = 6

interface Stopped {
  readonly topic: string
  readonly partition: number
  readonly earliest: number
  readonly code: string
}
interface Position {
  readonly sink: string
  readonly nextOffset: number
  readonly lag: number
}

describe('a restore', function () {
  this.timeout(240_000)
  let broker: Mosquitto
  let kafka: KafkaService
  let postgres: OwnPostgres
  let pipeline: Pipeline
  let backup: string
  let env: Env

  before(async () => {
    ;[broker, kafka, postgres] = await Promise.all([startBusyBroker(), startKafka(), startOwnPostgres()])
    backup = path.join(mkdtempSync(path.join(tmpdir(), 'tenant-backup-')), 'cluster')
    env = { KAFKA_BROKERS: kafka.address, DATABASE_URL: postgres.address }
    const addresses = { mqttUrl: broker.address, brokers: kafka.address, databaseUrl: postgres.address }
    pipeline = await Pipeline.start({ example: '01', ...addresses })
    await pipeline.untilSubscribed()
  })
  after(async () => {
    await pipeline?.stop()
    await Promise.all([broker?.stop(), kafka?.stop(), postgres?.stop()])
    if (backup !== undefined) rmSync(path.dirname(backup), { recursive: true, force: true })
  })

  /** Keeps the owner, which PostgreSQL insists on. */
  const copy = (from: string, to: string): void => {
    rmSync(to, { recursive: true, force: true })
    execFileSync('cp', ['-a', from, to])
  }
  const rows = async (): Promise<number> =>
    (await pipeline.rows<{ n: number }>('select count(*)::int as n from TABLE'))[0]?.n ?? 0
  const inKafka = async (): Promise<number> => {
    const ends = await withAdmin(kafka.address, (admin) => admin.fetchTopicOffsets(TOPIC))
    return ends.reduce((sum, { high }) => sum + Number(high), 0)
  }
  const positions = async (): Promise<Position[]> => {
    const { answer } = await askCommand<{ positions: Position[] }>(['ledger', 'show'], env)
    return answer.positions.filter(({ sink }) => sink !== '')
  }
  const publish = async (count: number, meanwhile = (): Promise<void> => Promise.resolve()) => {
    const simulator = await Simulator.start({ ...FLEET, url: broker.address })
    await meanwhile()
    await until('the messages are published', () => simulator.ledger.acknowledged >= count)
    await simulator.stop()
    return simulator.ledger.snapshot()
  }

  it('of PostgreSQL to a backup of a running pipeline writes again what the backup lacks, each record once', async () => {
    const before = await publish(500)
    assert.equal((await pipeline.drained(before)).missing, 0)
    const first = await rows()
    const later = await publish(1500, async () => {
      await until('the backup is in the middle of it', async () => (await rows()) > first + 100)
      // A snapshot of the disk, as a crash would leave it.
      await postgres.shutDown('immediate')
      copy(postgres.cluster, backup)
      await postgres.restart()
    })
    assert.equal((await pipeline.drained(later)).missing, 0)
    await until('the table has all that Kafka has', async () => (await rows()) === (await inKafka()))
    const all = await rows()

    await pipeline.nodeRed.stop()
    await postgres.shutDown()
    copy(backup, postgres.cluster)
    await postgres.restart()
    const restored = await rows()
    assert.ok(restored > 0 && restored < all, `${restored} of ${all} rows are in the backup`)
    const behind = (await positions()).reduce((sum, { lag }) => sum + lag, 0)
    assert.equal(behind, all - restored, 'Kafka has what the backup lacks')

    await pipeline.nodeRed.start()
    for (const snapshot of [before, later]) {
      const { missing, duplicates } = await pipeline.drained(snapshot)
      assert.deepEqual({ missing, duplicates }, { missing: 0, duplicates: 0 })
    }
    assert.deepEqual([await rows(), await pipeline.repeatedPositions()], [all, 0])
    const { exit, out } = await runCommand(['ledger', 'audit', '--keeps-all'], env)
    assert.equal(exit, 0, out)
  })

  it('of Kafka without its records is noticed, and continues where the operator says', async () => {
    const kept = await rows()
    await pipeline.nodeRed.stop()
    await withAdmin(kafka.address, async (admin) => {
      await admin.deleteTopics({ topics: [TOPIC] })
      await until('the topic is gone', async () => !(await admin.listTopics()).includes(TOPIC))
    })
    await createTestTopic(kafka.address, { name: TOPIC, partitions: PARTITIONS })
    const recreatedAt = new Date()
    const broken = await runCommand(['ledger', 'audit'], env)
    assert.equal(broken.exit, 1)
    assert.match(broken.out, /is past the end of the partition, 0/)

    await pipeline.nodeRed.start()
    const consumer = pipeline.flow.find(({ type }) => type === 'tenant-kafka-consumer')?.id ?? ''
    const ask = (action: string, body: object): Promise<unknown> =>
      pipeline.nodeRed.ask('tenant-kafka-consumer', consumer, action, body)
    const stopped = async (): Promise<Stopped[]> =>
      ((await ask('stopped', {})) as { partitions: Stopped[] }).partitions
    const written = (await positions()).filter(({ nextOffset }) => nextOffset > 0).length
    await until(
      'the partitions that had records have stopped',
      async () => (await stopped()).length === written,
    )
    for (const { topic, partition, earliest, code } of await stopped()) {
      assert.equal(code, 'KAFKA_OFFSET_OUT_OF_RANGE')
      await ask('stopped/release', { topic, partition, offset: earliest })
    }
    await pipeline.untilSubscribed()
    const { missing, duplicates } = await pipeline.drained(await publish(500))
    assert.deepEqual({ missing, duplicates }, { missing: 0, duplicates: 0 })
    assert.ok((await rows()) >= kept + 500, 'the rows of before are there as well')
    // They have the offsets of the new records: the audit cannot tell them apart until the retention has dropped them.
    assert.match((await runCommand(['ledger', 'audit'], env)).out, /or of an earlier topic of this name/)
    await pipeline.database.query('delete from iot_messages where created_at < $1', [recreatedAt])
    const { exit, out } = await runCommand(['ledger', 'audit'], env)
    assert.equal(exit, 0, out)
  })
})
