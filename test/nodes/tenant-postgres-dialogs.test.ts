/** What the dialogs of the PostgreSQL nodes ask the runtime: what would be dropped, and which positions are left over. */
import assert from 'node:assert/strict'
import type { OutdatedAnswer } from '../../nodes/tenant-postgres-sink/outdated-route'
import type { ExistingTables } from '../../src/postgres/preview/existing-tables'
import type { TablePreview } from '../../src/postgres/preview/table-preview'
import tenantPostgresSink from '../../nodes/tenant-postgres-sink/tenant-postgres-sink'
import type { PositionsAnswer } from '../../nodes/tenant-postgres/positions-routes'
import tenantPostgres from '../../nodes/tenant-postgres/tenant-postgres'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { pretendTimescale } from '../support/timescale'
import { deploy, helper, loadFlow, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'
import { until } from '../support/until'

const DAY_MS = 86_400_000

/** The part of supertest that is used. */
interface Asking {
  post(path: string): { send(body: object): Promise<{ status: number; body: unknown }> }
}

describe('the dialogs of the PostgreSQL nodes', () => {
  let test: TestDatabase
  before(startRuntime)
  after(stopRuntime)
  beforeEach(async () => {
    test = await createTestDatabase()
  })
  afterEach(async () => {
    await helper.unload()
    await test.drop()
  })

  const tab = { id: 'tab', type: 'tab', label: 'test' }
  const database = (): FlowEntry => ({ id: 'db', type: 'tenant-postgres', address: 'url', url: test.url })
  const sink = (more: object = {}): FlowEntry => ({
    ...{ id: 'rows', type: 'tenant-postgres-sink', z: 'tab', database: 'db', wires: [[]] },
    ...more,
  })
  async function run(...flow: FlowEntry[]): Promise<void> {
    await loadFlow([tenantPostgres, tenantPostgresSink], [tab, database(), ...flow])
    await until(
      'the ledger is there',
      async () =>
        (
          await test.query<{ there: boolean }>(`select to_regclass('iot_ledger_audit') is not null as there`)
        )[0]!.there,
    )
  }
  async function ask(path: string, body: object = {}): Promise<{ status: number; body: unknown }> {
    const { status, body: answer } = await (helper.request() as Asking).post(path).send(body)
    return { status, body: answer }
  }

  describe('what would be dropped', () => {
    const outdated = async (body?: object): Promise<OutdatedAnswer> =>
      (await ask('/tenant-postgres-sink/rows/outdated', body)).body as OutdatedAnswer
    const insertOld = (daysAgo: number): Promise<unknown> =>
      test.query(`insert into iot_messages (time) values (now() - make_interval(days => $1::int))`, [daysAgo])

    it('is shown for the days of the dialog, with bounds and sizes, and nothing is dropped', async () => {
      await run(sink({ retentionDays: 0 }))
      const [day] = [Math.floor(Date.now() / DAY_MS) - 5].map((n) => new Date(n * DAY_MS).toISOString())
      const name = `iot_messages_p${day!.slice(0, 10).replaceAll('-', '')}`
      await until(
        'the table is there',
        async () =>
          (
            await test.query<{ there: boolean }>(`select to_regclass('iot_messages') is not null as there`)
          )[0]!.there,
      )
      const cut =
        (await test.query(`select from pg_class where oid = 'iot_messages'::regclass and relkind = 'p'`))
          .length > 0
      if (cut) {
        await test.query(`create table ${name} partition of iot_messages
          for values from ('${day}') to ('${new Date(Date.parse(day!) + DAY_MS).toISOString()}')`)
      }
      await insertOld(5)
      assert.deepEqual(await outdated(), { days: 0, parts: [] })
      assert.deepEqual(await outdated({ retentionDays: '5' }), { days: 5, parts: [] })
      const { days, parts } = await outdated({ retentionDays: '3' })
      assert.equal(days, 3)
      assert.deepEqual(
        parts.map(({ from, to }) => [from, Date.parse(to) - Date.parse(from)]),
        [[day, DAY_MS]],
      )
      assert.ok(parts[0]!.bytes > 0)
      assert.equal((await test.query('select from iot_messages')).length, 1)
    })

    it('is refused with a reason for a node that is not deployed, or does not run', async () => {
      await run(sink({ table: 'no table;' }), sink({ id: 'good' }))
      const missing = await ask('/tenant-postgres-sink/none/outdated')
      assert.equal(missing.status, 404)
      assert.match((missing.body as Error).message, /not deployed yet/)
      assert.equal((await ask('/tenant-postgres-sink/db/outdated')).status, 404)
      const wrong = await ask('/tenant-postgres-sink/rows/outdated')
      assert.equal(wrong.status, 409)
      assert.match((wrong.body as Error).message, /"table" is "no table;"/)
    })

    it('is refused for a number of days that the dialog refuses', async () => {
      await run(sink())
      const { status, body } = await ask('/tenant-postgres-sink/rows/outdated', { retentionDays: '-1' })
      assert.equal(status, 409)
      assert.match((body as Error).message, /a whole number from 0 to 3650 days/)
    })

    it('is never anything of a table that was there before', async () => {
      await test.query('create table iot_messages (time timestamptz)')
      await run(sink({ columns: '[{"column":"time","from":"time"}]' }))
      const { body } = await ask('/tenant-postgres-sink/rows/outdated')
      assert.match((body as Error).message, /nothing of "iot_messages" is ever dropped/)
    })
  })

  describe('the table and the SQL, before anything is run', () => {
    const preview = async (values: object): Promise<TablePreview> => {
      const { status, body } = await ask('/tenant-postgres/db/table-preview', values)
      assert.equal(status, 200, JSON.stringify(body))
      return body as TablePreview
    }
    const allObjects = (): Promise<object[]> =>
      test.query(`select relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where nspname !~ '^(pg_|information_schema)' order by 1`)
    beforeEach(() => loadFlow([tenantPostgres, tenantPostgresSink], [tab, database()]))

    const settings: [what: string, values: object, layout: string][] = [
      ['the defaults', {}, 'by day'],
      ['a key, and dead letters to the output', { exactlyOnce: 'key', deadLetters: 'output' }, 'by day'],
      ["a readers' role", { readerRole: 'pg_monitor' }, 'by day'],
      ['a schema for each tenant', { tenancy: 'schema' }, 'by day'],
      [
        'columns without a time',
        { columns: '[{"column":"t","from":"tenant","type":"varchar(9)"}]' },
        'plain',
      ],
    ]
    for (const [what, values, layout] of settings) {
      it(`are all that the sink needs, and nothing has changed: ${what}`, async () => {
        const before = await allObjects()
        const shown = await preview(values)
        assert.deepEqual(await allObjects(), before)
        assert.equal(shown.problem, undefined)
        assert.equal(shown.exists, false)
        assert.equal(shown.layout, layout)
        for (const statement of shown.statements) await test.query(statement)
        const after = await preview(values)
        assert.deepEqual(after.statements, [])
        assert.equal(after.problem, undefined)
        assert.equal(after.layout, layout)
        const columns = (of: TablePreview): string[] => of.columns.map(({ name }) => name)
        const optional = after.columns.filter(({ state }) => state === 'left out')
        assert.deepEqual(optional, [])
        assert.deepEqual(columns(after), columns(shown))
      })
    }

    it('have the statements of TimescaleDB where the database has it', async () => {
      await pretendTimescale(test, '2.28.3')
      const { layout, statements } = await preview({ chunkHours: 6, compressAfterDays: 2, retentionDays: 5 })
      assert.equal(layout, 'hypertable')
      const sql = statements.join('\n')
      assert.match(sql, /select create_hypertable\('"public"."iot_messages"'::regclass, 'time'::name/)
      assert.match(
        sql,
        /set_chunk_time_interval\('"public"."iot_messages"'::regclass, make_interval\(hours => 6::int\)/,
      )
      assert.match(sql, /add_compression_policy\(.*days => 2::int/)
      assert.match(sql, /add_retention_policy\(.*days => 5::int/)
    })

    it('are compared with a table that is there, and say why the sink would stop', async () => {
      await test.query(`create table readings (at timestamp not null, tenant text, site text not null,
        note text, double bigint generated always as (1 + 1) stored)`)
      const columns = [
        { column: 'at', from: 'time' },
        { column: 'tenant', from: 'tenant', type: 'varchar(10)' },
        { column: 'degrees', from: 'payload.degrees', type: 'double precision' },
      ]
      const values = { table: 'readings', columns: JSON.stringify(columns) }
      const { exists, problem, columns: shown } = await preview(values)
      assert.equal(exists, true)
      assert.match(problem!, /has no column "degrees"/)
      assert.deepEqual(
        shown.map(({ name, type, wanted, state }) => [name, type, wanted, state]),
        [
          ['at', 'timestamp without time zone', 'timestamptz not null', 'there'],
          ['tenant', 'text', 'varchar(10)', 'there'],
          ['degrees', 'double precision', undefined, 'missing'],
          ['site', 'text', undefined, 'required'],
          ['note', 'text', undefined, 'unfilled'],
          ['double', 'bigint', undefined, 'unfilled'],
        ],
      )
      assert.match((await preview({ table: 'nowhere', createTable: false })).problem!, /there is no table/)
    })

    it('are refused for settings that the sink refuses', async () => {
      const { status, body } = await ask('/tenant-postgres/db/table-preview', { table: 'no table;' })
      assert.equal(status, 409)
      assert.match((body as Error).message, /"table" is "no table;"/)
    })

    it('can be chosen from what is there, without partitions', async () => {
      await test.query(`create schema acme; create table acme.plain (a int); create view acme.seen as select 1;
        create table cut (a int) partition by list (a); create table cut_1 partition of cut for values in (1)`)
      const { schemas, tables } = (await ask('/tenant-postgres/db/tables')).body as ExistingTables
      assert.deepEqual(schemas, ['acme', 'public'])
      assert.deepEqual(tables, [
        { schema: 'acme', table: 'plain' },
        { schema: 'public', table: 'cut' },
      ])
    })
  })

  describe('orphaned positions', () => {
    const list = async (): Promise<PositionsAnswer['positions']> =>
      ((await ask('/tenant-postgres/db/positions')).body as PositionsAnswer).positions
    const remove = (which: object): Promise<{ status: number; body: unknown }> =>
      ask('/tenant-postgres/db/positions/remove', which)
    const sinksInLedger = async (): Promise<string[]> =>
      (await test.query<{ sink: string }>('select distinct sink from iot_ledger order by 1')).map(
        ({ sink }) => sink,
      )

    beforeEach(async () => {
      await run(sink(), sink({ id: 'off', ledgerName: 'named', d: true }))
      await test.query(`insert into iot_ledger (consumer_group, sink, cluster_id, topic, "partition", next_offset)
        select 'g', sink, 'c', 'iot-messages', n, 5
          from unnest(array['rows', 'named', 'gone']) as sink, generate_series(0, 2) as n`)
    })

    it('are distinct from those of sinks that are deployed, or disabled', async () => {
      const seen = await list()
      assert.deepEqual(
        seen.map(({ sink: name, group, topic, partitions, deployed }) => ({
          name,
          group,
          topic,
          partitions,
          deployed,
        })),
        [
          { name: 'gone', group: 'g', topic: 'iot-messages', partitions: [0, 1, 2], deployed: false },
          { name: 'named', group: 'g', topic: 'iot-messages', partitions: [0, 1, 2], deployed: true },
          { name: 'rows', group: 'g', topic: 'iot-messages', partitions: [0, 1, 2], deployed: true },
        ],
      )
    })

    it('are removed, and only these', async () => {
      const [gone] = await list()
      assert.deepEqual(await remove(gone!), { status: 200, body: { removed: 3 } })
      assert.deepEqual(await sinksInLedger(), ['named', 'rows'])
    })

    it('cannot be removed while the sink is deployed, whatever the dialog shows', async () => {
      for (const deployed of (await list()).slice(1)) {
        const { status, body } = await remove(deployed)
        assert.equal(status, 409)
        assert.match((body as Error).message, /is deployed, and needs its positions/)
      }
      assert.deepEqual(await sinksInLedger(), ['gone', 'named', 'rows'])
    })

    it('become left over when their sink is removed from the flow', async () => {
      await deploy([tab, database(), sink()], 'full')
      const orphaned = (await list()).filter(({ deployed }) => !deployed)
      assert.deepEqual(
        orphaned.map(({ sink: name }) => name),
        ['gone', 'named'],
      )
    })

    it('stay when they have moved since they were shown: another sink uses them', async () => {
      const [gone] = await list()
      await test.query(
        `update iot_ledger set next_offset = 6, updated_at = clock_timestamp() where sink = 'gone' and "partition" = 1`,
      )
      const { status, body } = await remove(gone!)
      assert.equal(status, 409)
      assert.match((body as Error).message, /have moved, or are gone/)
      assert.deepEqual(await sinksInLedger(), ['gone', 'named', 'rows'])
    })

    it('are not asked for with half a question', async () => {
      assert.equal((await remove({ sink: 'gone' })).status, 409)
      assert.equal((await remove({ ...(await list())[0], lastMoved: "'; drop table x" })).status, 409)
    })
  })
})
