/** P10: what one tenant's data can do to the others on their way into PostgreSQL. */
import assert from 'node:assert/strict'
import { until } from '../support/until'
import { faultRow } from './row'
import { Stage } from './stage'
import type { StagedPostgres } from './staged-postgres'

describe('faults of a tenant', function () {
  this.timeout(120_000)
  let stage: Stage
  before(async () => {
    stage = await Stage.start({ secondLeg: true })
  })
  after(() => stage?.stop())

  faultRow(
    {
      id: 'P10',
      title: 'every row of one tenant is refused: it goes to the dead letters, the others go on',
      deadLetters: true,
      timeoutMs: 300_000,
    },
    () => stage,
    async () => {
      const { client } = stage.postgres as StagedPostgres
      const count = async (sql: string): Promise<number> =>
        Number((await client.query<{ n: string }>(`select count(*) as n from ${sql}`)).rows[0]?.n)
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
        // Nobody makes the table before the first dead letter.
        const kept = await count(refused).catch(() => 0)
        return kept >= 500 && (await count(others)) >= before + 1000
      })
      await client.query('alter table iot_messages drop constraint poison')
      assert.equal(await count(`iot_dead_letters where tenant_id <> '${tenant}'`), 0)
    },
  )
})
