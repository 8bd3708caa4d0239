/** P10, P13 and P16: what one tenant's data can do to the others in PostgreSQL, and what one tenant's readers can see. */
import assert from 'node:assert/strict'
import { Pool } from 'pg'
import { until } from '../support/until'
import { faultRow } from './row'
import { changed, Stage } from './stage'
import { WRITER, type StagedPostgres } from './staged-postgres'

const SINK = 'tenant-postgres-sink'

describe('faults of a tenant', function () {
  this.timeout(120_000)
  let stage: Stage
  before(async () => {
    stage = await Stage.start({ secondLeg: true })
  })
  after(() => stage?.stop())
  const count = async (sql: string): Promise<number> => {
    const { client } = stage.postgres as StagedPostgres
    return Number((await client.query<{ n: string }>(`select count(*) as n from ${sql}`)).rows[0]?.n)
  }

  faultRow(
    {
      id: 'P10',
      title: 'every row of one tenant is refused: they become dead letters, the others continue',
      deadLetters: true,
      timeoutMs: 300_000,
    },
    () => stage,
    async () => {
      const { client } = stage.postgres as StagedPostgres
      await until('there are rows', async () => (await count('iot_messages').catch(() => 0)) > 0)
      const { rows } = await client.query<{ tenant: string }>(
        'select tenant_id as tenant from iot_messages limit 1',
      )
      const tenant = rows[0]?.tenant as string
      // Only PostgreSQL knows what is wrong with these rows: each has to be found.
      await client.query(
        `alter table iot_messages add constraint poison check (tenant_id <> '${tenant}') not valid`,
      )
      const others = `iot_messages where tenant_id <> '${tenant}'`
      const before = await count(others)
      await until('others progress, and rubbish is kept', async () => {
        const refused = `iot_dead_letters where tenant_id = '${tenant}' and code = '23514'`
        // The table is created with the first dead letter.
        const kept = await count(refused).catch(() => 0)
        return kept >= 500 && (await count(others)) >= before + 1000
      })
      await client.query('alter table iot_messages drop constraint poison')
      assert.equal(await count(`iot_dead_letters where tenant_id <> '${tenant}'`), 0)
    },
  )

  faultRow(
    {
      id: 'P17',
      title: "one tenant's partition of the table is missing, and is then created: the others continue",
      deadLetters: true,
      timeoutMs: 300_000,
    },
    () => stage,
    async () => {
      const { client } = stage.postgres as StagedPostgres
      await until('there are rows', async () => (await count('iot_messages').catch(() => 0)) > 0)
      await stage.nodeRed.deploy(changed(stage.flow, SINK, { createTable: false }), 'nodes')
      await client.query(`begin;
        alter table iot_messages rename to former;
        create table iot_messages (like former including defaults) partition by list (tenant_id);
        create table of_one partition of iot_messages for values in ('tenant-1');
        create table of_three partition of iot_messages for values in ('tenant-3');
        grant all on iot_messages to ${WRITER};
        commit`)
      try {
        const others = `iot_messages where tenant_id <> 'tenant-2'`
        const homeless = `iot_dead_letters where tenant_id = 'tenant-2' and code = 'NO_PARTITION'`
        await until(
          () => `others progress, and what has no partition is kept\n${stage.nodeRed.logTail()}`,
          async () => (await count(homeless).catch(() => 0)) >= 200 && (await count(others)) >= 500,
        )
        await client.query(`create table of_two partition of iot_messages for values in ('tenant-2')`)
        await until('its rows are stored', async () => (await count('of_two')) > 0)
        assert.equal(
          await count(`iot_dead_letters where code = 'NO_PARTITION' and tenant_id <> 'tenant-2'`),
          0,
        )
      } finally {
        await client.query(`begin;
          lock table iot_messages;
          insert into former select * from iot_messages;
          drop table iot_messages;
          alter table former rename to iot_messages;
          commit`)
      }
      await stage.nodeRed.deploy(stage.flow, 'nodes')
      await stage.untilGreen(SINK)
    },
  )

  faultRow(
    {
      id: 'P13',
      title:
        'a reader of the protected table asks for another tenant, for none, and over a reused connection',
    },
    () => stage,
    async ({ publisher }) => {
      const { client, server } = stage.postgres as StagedPostgres
      const role = 'tenant_reader'
      await client.query(`create role ${role} login password '${role}'`)
      await stage.nodeRed.deploy(changed(stage.flow, 'tenant-postgres-sink', { readerRole: role }), 'nodes')
      const url = new URL(server.address)
      ;[url.username, url.password] = [role, role]
      const reader = new Pool({ connectionString: url.href, max: 1 })
      const seenBy = async (tenant: string | undefined): Promise<string[]> => {
        const session = await reader.connect()
        try {
          await session.query('begin')
          if (tenant !== undefined) await session.query(`select set_config('app.tenant', $1, true)`, [tenant])
          const { rows } = await session.query<{ tenant: string }>(
            'select distinct tenant_id as tenant from iot_messages',
          )
          return rows.map((row) => row.tenant)
        } finally {
          await session.query('rollback')
          session.release()
        }
      }
      try {
        await until('the table is open to its readers', async () =>
          (await seenBy('tenant-1').catch((): string[] => [])).includes('tenant-1'),
        )
        for (let round = 0; round < 5; round++) {
          for (const tenant of ['tenant-1', 'tenant-2', 'tenant-3'])
            assert.deepEqual(await seenBy(tenant), [tenant])
          assert.deepEqual(await seenBy(undefined), [])
          assert.deepEqual(await seenBy('tenant-1,tenant-2'), [])
          await assert.rejects(reader.query(`insert into iot_messages (time) values (now())`), {
            code: '42501',
          })
          await publisher.untilMore(200)
        }
      } finally {
        await reader.end()
      }
    },
  )
})
