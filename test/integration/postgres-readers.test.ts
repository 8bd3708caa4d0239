/** P13: row-level security for who reads the shared table, set up with the SQL of docs/tenants.md. */
import assert from 'node:assert/strict'
import { Client, Pool } from 'pg'
import { partitionName } from '../../src/postgres/table/partitions'
import { readText } from '../support/package'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { openDatabase, openSink, range, record, records, TABLE, type SinkChange } from '../support/sink'

const DAY_MS = 86_400_000
const READER = { role: 'iot_reader', tenantColumn: 'tenant_id' }

describe('readers of the shared table', () => {
  let database: TestDatabase
  let reader: Pool
  const as = (role: string): string => {
    const url = new URL(database.url)
    ;[url.username, url.password] = [role, 'secret']
    return url.href
  }
  before(async () => {
    database = await createTestDatabase()
    const sql = /```sql\n([^`]*create role iot_writer[^`]*)```/.exec(readText('docs/tenants.md'))?.[1]
    assert.ok(sql, 'docs/tenants.md has the SQL for the roles')
    const admin = new Client({ connectionString: database.url })
    await admin.connect()
    await admin.query(sql.replaceAll("'…'", "'secret'"))
    await admin.end()
    // What a careless administrator may have done: the policy must hold all the same.
    await database.query('alter default privileges for role iot_writer grant select on tables to iot_reader')
    const connection = openDatabase(as('iot_writer'))
    const sink = openSink(connection, { reader: READER })
    await sink.write({ way: 'range', range: range(0, 9), records: records(0, 9) })
    const kafka = {
      topic: 'iot-messages',
      partition: 0,
      offset: 9,
      timestamp: Date.now() - 2 * DAY_MS,
      headers: {},
    }
    await sink.write({ way: 'range', range: range(9, 10), records: [record(9, { kafka })] })
    await sink.close(1000)
    await connection.close()
    reader = new Pool({ connectionString: as('iot_reader'), max: 1 })
  })
  after(async () => {
    await reader.end()
    await database.query(
      'alter default privileges for role iot_writer revoke select on tables from iot_reader',
    )
    await database.query('drop owned by iot_writer')
    await database.query('drop owned by iot_reader')
    await database.query('drop role iot_writer')
    await database.query('drop role iot_reader')
    await database.drop()
  })

  /** What one transaction of the one pooled connection sees. */
  async function tenantsSeen(tenant: string | undefined): Promise<string[]> {
    const client = await reader.connect()
    try {
      await client.query('begin')
      if (tenant !== undefined) await client.query(`select set_config('app.tenant', $1, true)`, [tenant])
      const { rows } = await client.query<{ t: string }>('select tenant_id as t from iot_messages order by 1')
      await client.query('commit')
      return rows.map(({ t }) => t)
    } finally {
      client.release()
    }
  }

  it('see the rows of their tenant, also in partitions that were created later', async () => {
    assert.deepEqual(await tenantsSeen('t0'), ['t0', 't0', 't0', 't0'])
    assert.deepEqual(await tenantsSeen('t1'), ['t1', 't1', 't1'])
  })

  it('see nothing with a wrong tenant, with none, and with an empty one', async () => {
    for (const tenant of ['stranger', undefined, '']) assert.deepEqual(await tenantsSeen(tenant), [])
  })

  it('see nothing of the tenant before on a connection that is used again', async () => {
    assert.equal((await tenantsSeen('t0')).length, 4)
    assert.deepEqual(await tenantsSeen(undefined), [])
  })

  it('see nothing when they ask a partition directly, old or new', async () => {
    const today = Math.floor(Date.now() / DAY_MS)
    for (const day of [today, today - 2, today + 7]) {
      const sql = `begin; select set_config('app.tenant', 't0', true); select * from ${partitionName(TABLE, day)}; commit`
      const results = (await reader.query(sql)) as unknown as { rows: unknown[] }[]
      assert.deepEqual(results[2]?.rows, [])
    }
  })

  for (const [what, sql] of [
    ['write', `insert into iot_messages (time, tenant_id) values (now(), 't0')`],
    ['change', `update iot_messages set tenant_id = 't0'`],
    ['remove', 'delete from iot_messages'],
    ['switch the security off', 'alter table iot_messages disable row level security'],
    ['become the writer', 'set role iot_writer'],
  ] as const) {
    it(`cannot ${what}`, () => assert.rejects(reader.query(sql), { code: '42501' }))
  }

  it('see nothing in the partitions of a table that was there before they were', async () => {
    const table = { schema: 'public', table: 'iot_before' }
    const connection = openDatabase(as('iot_writer'))
    const write = async (from: number, change: SinkChange): Promise<void> => {
      const sink = openSink(connection, { table, ledgerName: 'sink3', ...change })
      await sink.write({ way: 'range', range: range(from, from + 3), records: records(from, from + 3) })
      await sink.close(1000)
    }
    const today = partitionName(table, Math.floor(Date.now() / DAY_MS))
    await write(0, {})
    await database.query('grant select on all tables in schema public to iot_reader')
    const seen = async (name: string): Promise<number> => {
      const sql = `begin; select set_config('app.tenant', 't0', true); select * from ${name}; commit`
      const results = (await reader.query(sql)) as unknown as { rows: unknown[] }[]
      return results[2]?.rows.length as number
    }
    assert.equal(await seen(today), 3)
    await write(3, { reader: READER })
    assert.deepEqual([await seen('iot_before'), await seen(today)], [2, 0])
    const open = await database.query(
      `select from pg_inherits join pg_class on oid = inhrelid
        where inhparent = 'iot_before'::regclass and not relrowsecurity`,
    )
    assert.deepEqual(open, [])
    await connection.close()
  })

  it('do not change what the writer is able to do, and are set up once', async () => {
    const connection = openDatabase(as('iot_writer'))
    const sink = openSink(connection, { reader: READER, ledgerName: 'sink2' })
    const written = await sink.write({ way: 'range', range: range(0, 3), records: records(0, 3) })
    await sink.close(1000)
    await connection.close()
    assert.equal(written.rows, 3)
    assert.equal(
      (await database.query(`select 1 from pg_policies where tablename = 'iot_messages'`)).length,
      1,
    )
  })
})
