/** P rows: the sink keeps its table in order while it writes, and while others read. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { partitionName } from '../../src/postgres/table/partitions'
import { until } from '../support/until'
import { faultRow } from './row'
import { Stage } from './stage'
import { WRITER } from './staged-postgres'

const DAY_MS = 86_400_000
const TABLE = { schema: 'public', table: 'iot_messages' }

describe('retention under load', function () {
  this.timeout(120_000)
  let stage: Stage
  before(async () => {
    stage = await Stage.start({ secondLeg: true })
  })
  after(() => stage?.stop())

  faultRow(
    {
      id: 'P12',
      title: 'old partitions are dropped under load, while another session holds a transaction open',
      timeoutMs: 300_000,
    },
    () => stage,
    async ({ publisher }) => {
      const { client } = stage.postgres!
      const today = Math.floor(Date.now() / DAY_MS)
      const outdated = [today - 6, today - 5, today - 4]
      // Rows of every day until now: without them the drop would wait for a day.
      for (const day of [...outdated, today - 3, today - 2, today - 1]) {
        const [from, to] = [day, day + 1].map((n) => new Date(n * DAY_MS).toISOString())
        const name = partitionName(TABLE, day)
        await client.query(
          `create table ${name} partition of iot_messages for values from ('${from}') to ('${to}')`,
        )
        await client.query(`alter table ${name} owner to ${WRITER}`)
        await client.query(`insert into iot_messages (time) values ('${from}')`)
      }
      const partitions = async (): Promise<Map<string, boolean>> => {
        const { rows } = await client.query<{ name: string; pending: boolean }>(
          `select inhrelid::regclass::text as name, inhdetachpending as pending
             from pg_inherits where inhparent = 'iot_messages'::regclass`,
        )
        return new Map(rows.map(({ name, pending }) => [name, pending]))
      }
      const count = async (): Promise<number> =>
        (await client.query<{ n: number }>('select count(*)::int as n from iot_messages')).rows[0]!.n

      const refusals = (): number =>
        readFileSync(stage.nodeRed.logFile, 'utf8').split('dropping old rows of "iot_messages" failed')
          .length - 1
      const other = await client.connect()
      try {
        await other.query('begin')
        await other.query('select count(*) from iot_messages')
        // The sink looks after its table as soon as it is deployed.
        await stage.nodeRed.deploy(stage.flow, 'full')
        await until(
          () => `the drop was refused\n${stage.nodeRed.logTail()}`,
          () => refusals() > 0,
          { giveUpMs: 60_000 },
        )
        const oldest = partitionName(TABLE, outdated[0]!)
        assert.equal((await partitions()).get(oldest), true, 'the oldest partition is half detached')

        const before = await count()
        await publisher.untilMore(1000)
        await until('rows continue meanwhile', async () => (await count()) >= before + 1000, {
          giveUpMs: 60_000,
        })
        await other.query('commit')
      } finally {
        other.release(true)
      }

      await until(
        () => `the old partitions are gone\n${stage.nodeRed.logTail()}`,
        async () => {
          const found = await partitions()
          const { rows } = await client.query('select from pg_class where relname = any ($1)', [
            outdated.map((day) => partitionName(TABLE, day)),
          ])
          return outdated.every((day) => !found.has(partitionName(TABLE, day))) && rows.length === 0
        },
        { giveUpMs: 150_000 },
      )
      await client.query('delete from iot_messages where kafka_topic is null')
      assert.ok(refusals() <= 3, `${refusals()} refusals in the log`)
      assert.doesNotMatch(stage.nodeRed.logTail(1000), /writing to "iot_messages" failed/)
    },
  )
})
