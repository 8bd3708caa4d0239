/** P rows: a second PostgreSQL takes over. */
import assert from 'node:assert/strict'
import type { OwnPostgres } from '../../dev/services/postgres'
import { demote, freeze } from '../support/standby'
import { until } from '../support/until'
import { faultRow } from './row'
import { Stage } from './stage'
import type { StagedPostgres } from './staged-postgres'

const SINK = 'tenant-postgres-sink'
const POSITIONS = 'select sum(next_offset)::float8 from iot_ledger'

describe('failover of PostgreSQL', function () {
  this.timeout(120_000)
  let stage: Stage
  let postgres: StagedPostgres
  let standby: OwnPostgres
  beforeEach(async () => {
    stage = await Stage.start({ secondLeg: true, standby: true })
    postgres = stage.postgres as StagedPostgres
    standby = postgres.standby as OwnPostgres
    await stage.untilGreen(SINK)
  })
  afterEach(() => stage?.stop())

  faultRow(
    {
      id: 'P4',
      title: 'a standby that lacks the last commits takes over: its ledger says what to read again',
    },
    () => stage,
    async () => {
      await postgres.untilMoreRows(500)
      await standby.shutDown()
      await postgres.untilMoreRows(1000)
      const confirmed = (await postgres.ask<number>(POSITIONS)) ?? 0
      await postgres.server.kill()
      await standby.restart()
      await postgres.lookAt(standby)
      const left = (await postgres.ask<number>(POSITIONS)) ?? 0
      assert.ok(left <= confirmed - 1000, `positions went from ${confirmed} to ${left}`)
      await postgres.client.query('select pg_promote(true, 60)')
      await until(
        () => `the consumer goes back\n${stage.nodeRed.logTail()}`,
        () => /PostgreSQL had confirmed/.test(stage.nodeRed.logTail()),
      )
      await stage.untilGreen(SINK)
    },
  )

  faultRow(
    {
      id: 'P5',
      title: 'the primary turns read-only, and comes back as a standby: the other one is written to',
    },
    () => stage,
    async () => {
      const { server } = postgres
      await postgres.untilMoreRows(500)
      await postgres.client.query('alter system set default_transaction_read_only = on')
      await postgres.client.query('select pg_reload_conf()')
      await postgres.untilError('25006')
      const end = await postgres.ask<string>('select pg_current_wal_lsn()::text')
      await postgres.lookAt(standby)
      await until('the standby has it all', async () => {
        return (await postgres.ask<boolean>(`select pg_last_wal_replay_lsn() >= '${end}'`)) === true
      })
      await postgres.client.query('select pg_promote(true, 60)')
      const name = new URL(standby.address).host
      await stage.untilStatus(
        SINK,
        `names ${name}`,
        ({ fill, text }) => fill === 'green' && text?.includes(name) === true,
      )
      await server.shutDown()
      demote(server.cluster)
      await server.restart()
      // Looking for a server again, it does not go back to the former primary.
      await postgres.endSessions()
      await postgres.untilMoreRows(500)
      await stage.untilStatus(
        SINK,
        `names ${name}`,
        ({ fill, text }) => fill === 'green' && text?.includes(name) === true,
      )
    },
  )
})

for (const exactlyOnce of ['ledger', 'key'] as const) {
  describe(`a synchronous standby, written to by ${exactlyOnce}`, function () {
    this.timeout(120_000)
    let stage: Stage
    let postgres: StagedPostgres
    let standby: OwnPostgres
    before(async () => {
      const change = { 'tenant-postgres-sink': { exactlyOnce } }
      stage = await Stage.start({ secondLeg: true, standby: true, change })
      postgres = stage.postgres as StagedPostgres
      standby = postgres.standby as OwnPostgres
      await stage.untilGreen(SINK)
    })
    after(() => stage?.stop())

    faultRow(
      {
        id: 'P16',
        title: `a synchronous standby freezes, COMMIT is cancelled meanwhile, and the standby takes over; by ${exactlyOnce}`,
      },
      () => stage,
      async () => {
        const waiting = `from pg_stat_activity where wait_event = 'SyncRep'`
        await postgres.client.query(`alter system set synchronous_standby_names = '*'`)
        await postgres.client.query('select pg_reload_conf()')
        await until('the standby is synchronous', async () => {
          const state = await postgres.ask<string>('select sync_state from pg_stat_replication')
          return state === 'sync'
        })
        await postgres.untilMoreRows(500)
        const thaw = await freeze(standby)
        try {
          for (let cancelled = 0; cancelled < 3; cancelled++) {
            await until('COMMIT waits for the standby', async () => {
              return ((await postgres.ask<number>(`select count(*)::int ${waiting}`)) ?? 0) > 0
            })
            await postgres.client.query(`select pg_cancel_backend(pid) ${waiting}`)
          }
          await postgres.server.kill()
        } finally {
          thaw()
        }
        await postgres.lookAt(standby)
        await postgres.client.query('select pg_promote(true, 60)')
        await stage.untilGreen(SINK)
      },
    )
  })
}
