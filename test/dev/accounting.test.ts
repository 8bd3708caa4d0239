import assert from 'node:assert/strict'
import { Client } from 'pg'
import { accountFor, quoteTable } from '../../dev/accounting'
import { AcknowledgementLedger } from '../../dev/simulator/ledger'
import { createTestDatabase, type TestDatabase } from '../support/postgres'

describe('the sum', () => {
  let database: TestDatabase
  let client: Client

  before(async () => {
    database = await createTestDatabase()
    client = new Client({ connectionString: database.url })
    await client.connect()
    await client.query(
      'create table readings (mqtt_topic text, payload jsonb, created_at timestamptz default now())',
    )
  })
  after(async () => {
    await client.end()
    await database.drop()
  })

  it('counts what is stored, stored twice and missing, and leaves out other runs', async () => {
    const ledger = new AcknowledgementLedger('this-run')
    for (let seq = 1; seq <= 6; seq++) {
      ledger.issue('a')
      if (seq <= 4) ledger.acknowledge('a', seq)
    }
    const rows: [string, number, string][] = [
      ...([1, 2, 2, 2, 4] as const).map((seq): [string, number, string] => ['a', seq, 'this-run']),
      // Stored, but not acknowledged: it does not make up for number 3.
      ['a', 5, 'this-run'],
      ['a', 3, 'another-run'],
    ]
    for (const [topic, seq, run] of rows) {
      await client.query('insert into readings values ($1, $2)', [topic, { seq, run }])
    }
    const account = await accountFor(ledger.snapshot(), { client, table: 'readings', since: new Date(0) })
    assert.deepEqual(account, { published: 4, stored: 4, duplicates: 2, missing: 1 })
    await client.query('alter table readings add kafka_topic text')
    await client.query(`update readings set kafka_topic = 'others'`)
    await client.query('insert into readings values ($1, $2, now(), $3)', [
      'a',
      { seq: 1, run: 'this-run' },
      'own.topic',
    ])
    const sources = { client, table: 'readings', since: new Date(0), topics: [/^own\.[^.]+$/] }
    const own = await accountFor(ledger.snapshot(), sources)
    assert.deepEqual(own, { published: 4, stored: 1, duplicates: 0, missing: 3 })
  })

  it('quotes the name of a table with its schema', () => {
    assert.equal(quoteTable('my_schema.Table "x"'), '"my_schema"."Table ""x"""')
  })
})
