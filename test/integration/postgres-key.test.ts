import assert from 'node:assert/strict'
import type { TableSink } from '../../src/postgres/sink/table-sink'
import type { TestDatabase } from '../support/postgres'
import { POSITION_KEY, record, records } from '../support/sink'
import { databaseForEachTest } from '../support/sink-database'

describe('the PostgreSQL sink, exactly once by key', () => {
  let database: TestDatabase
  let sink: TableSink
  const open = (key: readonly string[] = POSITION_KEY): TableSink =>
    (sink = opened({ exactlyOnce: 'key', key }))
  const count = async (): Promise<number> => (await database.query('select 1 from iot_messages')).length

  const opened = databaseForEachTest((made) => ({ database } = made))

  it('writes a record that comes again once, alone, in a batch, and twice in one batch', async () => {
    const batch = records(0, 10)
    open()
    await sink.write({ way: 'records', records: batch })
    await sink.write({ way: 'records', records: batch })
    for (const one of batch) await sink.write({ way: 'records', records: [one] })
    await sink.write({ way: 'records', records: [...batch, ...batch, ...records(10, 12)] })
    assert.equal(await count(), 12)
  })

  it('leaves out what a source has sent to Kafka twice, when the key is the message id', async () => {
    const timestamp = Date.now()
    const sent = (offset: number): ReturnType<typeof record> =>
      record(offset, {
        tenant: 't0',
        messageId: 'once',
        kafka: { topic: 'iot-messages', partition: 0, offset, timestamp, headers: {} },
      })
    open(['tenant_id', 'message_id', 'time'])
    await sink.write({ way: 'records', records: [sent(0), sent(1)] })
    assert.equal(await count(), 1)
  })

  it('keeps records of two tenants that have everything else in common', async () => {
    const one = record(0, { tenant: 'a' })
    open()
    await sink.write({ way: 'records', records: [one, { ...one, tenant: 'b' }] })
    assert.equal(await count(), 2)
  })

  it('gathers single messages into few transactions, and confirms each when it is durable', async () => {
    open()
    await sink.write({ way: 'records', records: [record(0)] })
    const batch = records(1, 501)
    const written = await Promise.all(batch.map((one) => sink.write({ way: 'records', records: [one] })))
    assert.equal(written.length, 500)
    assert.equal(await count(), 501)
    const xids = await database.query('select distinct xmin::text from iot_messages')
    assert.ok(xids.length <= 3, `${xids.length} transactions`)
  })

  it('reports to each message which of its own records were rejected', async () => {
    open()
    const bad = record(1, { payload: Buffer.from('rubbish') })
    const [good, rejected] = await Promise.all([
      sink.write({ way: 'records', records: [record(0)] }),
      sink.write({ way: 'records', records: [bad] }),
    ])
    assert.deepEqual([good.rows, good.rejected.length], [1, 0])
    assert.deepEqual([rejected.rows, rejected.rejected[0]?.record], [0, bad])
  })

  it('rejects a record from Kafka that has no value for the key', async () => {
    open(['tenant_id', 'message_id', 'time'])
    const nameless = record(0)
    delete nameless.messageId
    const { rejected } = await sink.write({ way: 'records', records: [nameless] })
    assert.deepEqual(
      rejected.map(({ reason }) => reason.code),
      ['KEY_MISSING'],
    )
  })

  it('writes what does not come from Kafka each time it comes', async () => {
    open()
    const injected = { payload: { a: 1 }, tenant: 't' }
    await sink.write({ way: 'records', records: [injected] })
    await sink.write({ way: 'records', records: [injected] })
    assert.equal(await count(), 2)
  })

  it('says which index is missing on a table that was there before', async () => {
    await database.query(
      `create table iot_messages (time timestamptz, tenant_id text, project_id text, mqtt_topic text, payload jsonb,
         message_id text, kafka_topic text, kafka_partition int, kafka_offset bigint)`,
    )
    open()
    const written = sink.write({ way: 'records', records: [record(0)] })
    while (sink.problem === undefined) await new Promise(setImmediate)
    assert.equal(sink.problem.statusText, 'PostgreSQL: no unique index for the key')
    await database.query(`create unique index on iot_messages (${POSITION_KEY.join(', ')})`)
    assert.equal((await written).rows, 1)
  })

  it('refuses a key without the time for a table that is cut by time', async () => {
    open(['tenant_id', 'message_id'])
    sink.start()
    while (sink.problem === undefined) await new Promise(setImmediate)
    assert.match(sink.problem.message, /so the key has to contain that column/)
  })
})
