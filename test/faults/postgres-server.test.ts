/** P rows: what can happen to a PostgreSQL server, and to the connections to it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { until } from '../support/until'
import { codesOf } from './consumer-faults'
import { faultRow } from './row'
import { Stage } from './stage'
import type { StagedPostgres } from './staged-postgres'

const SINK = 'tenant-postgres-sink'

describe('faults of PostgreSQL and of the way to it', function () {
  this.timeout(120_000)
  let stage: Stage
  let postgres: StagedPostgres
  before(async () => {
    stage = await Stage.start({ secondLeg: true })
    postgres = stage.postgres as StagedPostgres
    await stage.untilGreen(SINK)
  })
  after(() => stage?.stop())

  const isAway = (): Promise<void> =>
    stage.untilStatus(SINK, 'says that PostgreSQL is away', ({ fill }) => fill === 'red')

  for (const mode of ['fast', 'immediate'] as const) {
    faultRow(
      { id: 'P1', title: `PostgreSQL is restarted (${mode}) under load` },
      () => stage,
      async (run) => {
        const codes = codesOf(stage.nodeRed)
        await postgres.untilMoreRows(200)
        const before = await postgres.sessions()
        const { accepted } = postgres.proxy
        assert.ok(before.length > 0, 'the sink has no connection')
        await postgres.server.shutDown(mode)
        assert.match(postgres.server.readLog(), new RegExp(`received ${mode} shutdown request`))
        // Asked in order to end, each connection says so in the server's log; in a crash none has the time.
        if (mode === 'fast') assert.ok(postgres.errors('57P01') >= before.length, 'not all were ended')
        await isAway()
        await until('the sink has lost its connections', () => codes.includes('POSTGRES_AWAY'))
        await postgres.server.restart()
        run.healed()
        await stage.untilGreen(SINK)
        await postgres.untilMoreRows(1)
        const after = await postgres.sessions()
        assert.ok(after.length > 0 && postgres.proxy.accepted > accepted, 'it has not connected again')
        assert.deepEqual(
          after.filter((session) => before.includes(session)),
          [],
          'connections of before',
        )
        await until('the log says that rows are written again', () => codes.includes('POSTGRES_BACK'))
      },
    )
  }

  faultRow(
    { id: 'P2', title: 'PostgreSQL is killed in the middle of batches', quick: true },
    () => stage,
    async () => {
      await postgres.untilMoreRows(200)
      await until('a transaction of the sink is open', async () => (await postgres.openTransactions()) > 0)
      await postgres.server.kill()
      await isAway()
      await postgres.server.restart()
      await stage.untilGreen(SINK)
    },
  )

  faultRow(
    { id: 'P3', title: 'connections to PostgreSQL are terminated at 20 random moments' },
    () => stage,
    async ({ random }) => {
      // The server's answer counts: a backend that is asked to end may have been asked before.
      const before = postgres.errors('57P01')
      while (postgres.errors('57P01') < before + 20) {
        await sleep(random() * 300)
        await postgres.endSessions()
      }
    },
  )

  faultRow(
    { id: 'P3', title: 'the connection is lost 5 times between COMMIT and its answer' },
    () => stage,
    async () => {
      const lostBefore = postgres.proxy.lostAnswers
      for (let round = 0; round < 5; round++) {
        const lost = postgres.proxy.lostAnswers
        postgres.proxy.set({
          watch: (bytes, direction) => {
            if (direction !== 'up' || !bytes.includes('commit\0')) return
            postgres.proxy.loseNextAnswers()
            postgres.proxy.set({})
          },
        })
        await until('the answer to a COMMIT is lost', () => postgres.proxy.lostAnswers > lost)
        await postgres.untilMoreRows(1)
      }
      assert.ok(postgres.proxy.lostAnswers - lostBefore >= 5)
    },
  )

  faultRow(
    { id: 'P7', title: 'the disk of the table is full' },
    () => stage,
    async () => {
      const disk = mkdtempSync(path.join(tmpdir(), 'tenant-disk-'))
      // Only root may mount; a full disk cannot be had otherwise.
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m,mode=777', 'tmpfs', disk])
      try {
        execFileSync('chown', ['--reference', postgres.server.cluster, disk])
        execFileSync('chmod', ['700', disk])
        await postgres.client.query(`create tablespace small location '${disk}'`)
        await movePartitions('small')
        await postgres.client.query(
          'create table filler (text text) tablespace small; alter table filler alter text set storage plain',
        )
        const fill = `insert into filler select repeat(md5(random()::text), 200) from generate_series(1, 100)`
        const fills = async (): Promise<void> => {
          for (;;) await postgres.client.query(fill)
        }
        await assert.rejects(fills(), { code: '53100' })
        const before = postgres.errors('53100')
        await postgres.untilError('53100', before)
        await stage.untilStatus(SINK, 'says that the disk is full', ({ text }) =>
          /disk full/.test(text ?? ''),
        )
        await postgres.client.query('drop table filler')
        await stage.untilGreen(SINK)
        await movePartitions('pg_default')
        await postgres.client.query('drop tablespace small')
      } finally {
        execFileSync('umount', ['-l', disk])
        rmSync(disk, { recursive: true })
      }
    },
  )

  faultRow(
    { id: 'P7', title: 'other clients use all connections that PostgreSQL allows' },
    () => stage,
    async () => {
      const others: Client[] = []
      const refusals = postgres.errors('53300')
      const take = async (): Promise<void> => {
        const client = new Client({ connectionString: postgres.server.address })
        client.on('error', () => undefined)
        await client.connect()
        others.push(client)
      }
      try {
        await assert.rejects(
          (async () => {
            for (;;) await take()
          })(),
          { code: '53300' },
        )
        // What is freed is used up at once, so that the sink finds a server without space again.
        await until('the sink has no connection left', async () => {
          await postgres.endSessions()
          await take().catch(() => undefined)
          return /too many connections/.test(stage.statusOf(SINK)?.text ?? '')
        })
        assert.ok(postgres.errors('53300') > refusals + 1)
      } finally {
        await Promise.all(others.map((client) => client.end()))
      }
      await stage.untilGreen(SINK)
    },
  )

  faultRow(
    { id: 'P14', title: 'every connection of the pool waits, and more batches than connections' },
    () => stage,
    async () => {
      const before = postgres.errors('55P03')
      const locker = await postgres.client.connect()
      await locker.query('begin; lock table iot_messages in access exclusive mode')
      // The batches of all partitions may wait in one transaction at first: that one has to fail.
      await postgres.untilError('55P03', before)
      await until(
        'all four connections of the pool wait',
        async () => (await postgres.waitingForLocks()) === 4,
      )
      await locker.query('rollback')
      locker.release()
      await stage.untilGreen(SINK)
    },
  )

  faultRow(
    { id: 'P14', title: 'the network to PostgreSQL dies silently' },
    () => stage,
    async () => {
      const swallowed = postgres.proxy.swallowedBytes
      postgres.proxy.set({ blackHole: true })
      await isAway()
      assert.ok(postgres.proxy.swallowedBytes > swallowed)
      // Earlier connections stay dead: it has to give them up, and connect again.
      const accepted = postgres.proxy.accepted
      await until('it connects again', () => postgres.proxy.accepted > accepted)
      stage.healNetwork()
      await stage.untilGreen(SINK)
    },
  )

  async function movePartitions(tablespace: string): Promise<void> {
    const { rows } = await postgres.client.query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'iot_messages'::regclass`,
    )
    for (const { name } of rows)
      await postgres.client.query(`alter table ${name} set tablespace ${tablespace}`)
  }
})
