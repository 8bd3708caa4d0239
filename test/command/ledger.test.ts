import assert from 'node:assert/strict'
import { freePort } from '../../dev/services/free-port'
import type { Database } from '../../src/postgres/connect/database'
import type { WireRecord } from '../../src/wire/message'
import { askCommand, runCommand, type Env } from '../support/command'
import { createTestTopic, deleteRecordsBefore, sharedKafka, withAdmin } from '../support/kafka'
import { numbered, produce } from '../support/kafka-consumers'
import type { TestDatabase } from '../support/postgres'
import { ledgerOf, openWriter, records } from '../support/sink'
import { databaseForEachTest } from '../support/sink-database'

interface Position {
  readonly sink: string
  readonly nextOffset: number
  readonly lag?: number
  readonly failures: readonly string[]
  readonly notes: readonly string[]
}
interface Answer {
  readonly ok: boolean
  readonly positions: readonly Position[]
}

describe('tenant-pipeline ledger', () => {
  const WRITTEN = 10
  let database: TestDatabase
  let connection: Database
  let brokers: string
  let clusterId: string
  let topic: string
  let env: Env
  databaseForEachTest((made) => ({ database, connection } = made))
  before(async () => {
    brokers = (await sharedKafka()).address
    clusterId = await withAdmin(brokers, async (admin) => (await admin.describeCluster()).clusterId)
  })
  beforeEach(async () => {
    topic = await createTestTopic(brokers)
    await produce(brokers, topic, numbered(WRITTEN + 5))
    env = { DATABASE_URL: database.url, KAFKA_BROKERS: brokers }
  })

  const recordsOf = (from: number, to: number): WireRecord[] =>
    records(from, to).map((each) => ({ ...each, kafka: { ...each.kafka, topic } }))
  /** As a sink of a flow writes them. */
  const write = async (sink = 'public.iot_messages'): Promise<void> => {
    const writer = await openWriter(connection)
    const partition = { clusterId, group: 'g', topic, partition: 0 }
    const key = { ...partition, sink, target: 'public.iot_messages' }
    await writer.writeRange(key, { ...partition, firstOffset: 0, nextOffset: WRITTEN }, recordsOf(0, WRITTEN))
  }
  const audit = (...args: readonly string[]) => askCommand<Answer>(['ledger', 'audit', ...args], env)
  const failuresOf = ({ answer }: { answer: Answer }): readonly string[] =>
    answer.positions.flatMap(({ failures }) => failures)

  it('shows positions, and how far they are behind Kafka', async () => {
    await write()
    const { answer, exit } = await askCommand<Answer>(['ledger', 'show'], env)
    assert.equal(exit, 0)
    assert.deepEqual(
      answer.positions.map(({ sink, nextOffset, lag }) => [sink, nextOffset, lag]),
      [['public.iot_messages', WRITTEN, 5]],
    )
    const { out } = await runCommand(['ledger', 'show', '--topic', topic], env)
    assert.match(out, new RegExp(`^g +public.iot_messages +${topic} +0 +10 +10 +0 +0 +5 `, 'm'))
    assert.deepEqual(
      (await askCommand<Answer>(['ledger', 'show', '--group', 'other'], env)).answer.positions,
      [],
    )
  })

  it('finds that everything adds up', async () => {
    await write()
    await database.query(
      `insert into iot_ledger (consumer_group, sink, cluster_id, topic, "partition", first_offset, next_offset)
       values ('g', '', $1, $2, 0, 10, 10)`,
      [clusterId, topic],
    )
    const found = await audit('--keeps-all')
    assert.deepEqual([failuresOf(found), found.exit], [[], 0])
    const { out, exit } = await runCommand(['ledger', 'audit'], { DATABASE_URL: database.url })
    assert.equal(exit, 0)
    assert.match(out, /offsets 0 to 10 = 10 rows \+ 0 dead letters \+ 0 filtered/)
  })

  it('finds a row that is there twice, one that is gone, and offsets without an outcome', async () => {
    await write()
    await database.query('create table twice as select * from iot_messages limit 1')
    await database.query('insert into iot_messages select * from twice')
    assert.match(failuresOf(await audit()).join(), /^1 rows of the table are at a position that has a row/)
    await database.query('delete from iot_messages where kafka_offset < 4')
    const gone = '4 of 10 rows are not in the table'
    assert.match((await audit()).answer.positions[0]?.notes[0] ?? '', new RegExp(`^${gone}: the retention`))
    assert.deepEqual(failuresOf(await audit('--keeps-all')).includes(gone), true)
    await database.query('update iot_ledger set next_offset = 12')
    const lost = await audit()
    assert.equal(lost.exit, 1)
    assert.match(failuresOf(lost).join(), /2 offsets are neither rows, nor dead letters, nor filtered/)
  })

  it('finds that Kafka has lost the topic, has another one, or has deleted what was not written', async () => {
    await write()
    await deleteRecordsBefore(brokers, topic, 13)
    assert.deepEqual(failuresOf(await audit()), [
      'Kafka has deleted the offsets 10 to 12 before they were written',
    ])
    await database.query(`update iot_ledger set next_offset = 20, filtered = 10`)
    assert.match(failuresOf(await audit()).join(), /the position 20 is past the end of the partition, 15/)
    await database.query(`update iot_ledger set "partition" = 7`)
    assert.deepEqual(failuresOf(await audit()), ['Kafka has no such partition'])
    await database.query(`update iot_ledger set topic = 'never-there'`)
    const found = await audit()
    assert.deepEqual([failuresOf(found), found.exit], [['Kafka has no such partition'], 1])
  })

  it('says what it cannot compare', async () => {
    await write()
    const noteFor = async (set: string): Promise<string | undefined> => {
      await database.query(`update iot_ledger set ${set}`)
      const { answer } = await audit()
      assert.deepEqual(
        answer.positions.map(({ failures }) => failures),
        [[]],
      )
      return answer.positions[0]?.notes[0]
    }
    assert.match(
      (await noteFor(`target = 'tenant_{tenant}.iot'`)) ?? '',
      /each tenant has a table of its own/,
    )
    assert.match((await noteFor(`target = 'public.iot_ledger'`)) ?? '', /no columns kafka_topic/)
    assert.match((await noteFor('target = null')) ?? '', /not known/)
  })

  it('fails when there is nothing to audit', async () => {
    await write()
    const none = await runCommand(['ledger', 'audit', '--sink', 'other'], env)
    assert.equal(none.exit, 1)
    assert.match(none.errors, /nothing was audited/)
  })

  it('says that there is no ledger, that it is old, or that a service is down', async () => {
    const says = async (code: RegExp, change: Env = {}): Promise<void> => {
      for (const command of ['show', 'audit']) {
        const { exit, errors } = await runCommand(['ledger', command], { ...env, ...change })
        assert.equal(exit, 1)
        assert.match(errors, code)
      }
    }
    await says(/LEDGER_MISSING/)
    await write()
    const down = `127.0.0.1:${await freePort()}`
    await says(/KAFKA_UNREACHABLE/, { KAFKA_BROKERS: down })
    await says(/connecting to PostgreSQL at .* failed/, { DATABASE_URL: `postgres://me@${down}/db` })
    ledgerOf(connection).forget()
    await database.query('drop view iot_ledger_audit')
    await says(/LEDGER_OLD/)
  })
})
