/** P rows: what can happen to the tables, and what rows can be. */
import assert from 'node:assert/strict'
import { tableExists } from '../../dev/accounting'
import type { FlowEntry } from '../../dev/node-red'
import { partitionName } from '../../src/postgres/table/partitions'
import { DAY_MS } from '../../src/postgres/rows/record-time'
import { TABLE } from '../support/sink'
import { until } from '../support/until'
import { codesOf, ledgerOf } from './consumer-faults'
import { UnseenFailures } from './postgres-meddler'
import { faultRow } from './row'
import { Stage } from './stage'
import type { StagedPostgres } from './staged-postgres'

const SINK = 'tenant-postgres-sink'
const POISON_EVERY = 500
/** PostgreSQL's code. */
const DIVISION_BY_ZERO = '22012'

describe('faults of PostgreSQL tables, and of rows', function () {
  this.timeout(120_000)
  let stage: Stage
  let postgres: StagedPostgres
  before(async () => {
    stage = await Stage.start({ secondLeg: true })
    postgres = stage.postgres as StagedPostgres
    await stage.untilGreen(SINK)
  })
  after(() => stage?.stop())

  faultRow(
    { id: 'P6', title: 'a second session causes a deadlock' },
    () => stage,
    async () => {
      await until('PostgreSQL ends a transaction of the sink to undo a deadlock', async () => {
        const before = postgres.errors('40P01')
        const other = await postgres.client.connect()
        // The sink moves its position, and then writes rows; the other does it the other way round.
        await other.query(`begin; set local deadlock_timeout = '10s'; lock table iot_messages in share mode`)
        await until('the sink waits', async () => (await postgres.waitingForLocks()) > 0)
        const otherLost = await other.query('update iot_ledger set updated_at = updated_at').then(
          () => false,
          () => true,
        )
        await other.query('rollback')
        other.release()
        return postgres.errors('40P01') > before + (otherLost ? 1 : 0)
      })
    },
  )

  faultRow(
    { id: 'P6', title: 'transactions conflict with those of a second session (serialization failures)' },
    () => stage,
    async () => {
      const before = postgres.errors('40001')
      await postgres.client.query(`alter role pipeline set default_transaction_isolation = 'repeatable read'`)
      await postgres.endSessions()
      await postgres.untilMoreRows(1)
      const other = await postgres.client.connect()
      await other.query('begin; update iot_ledger set updated_at = now()')
      await until('the sink waits', async () => (await postgres.waitingForLocks()) > 0)
      await other.query('commit')
      other.release()
      await postgres.untilError('40001', before)
      await postgres.client.query('alter role pipeline reset default_transaction_isolation')
      await postgres.endSessions()
    },
  )

  for (const [limit, sqlState, lock] of [
    ['lock timeout', '55P03', 'lock table iot_ledger in access exclusive mode'],
    ['query timeout', '57014', ''],
  ] as const) {
    faultRow(
      { id: 'P6', title: `a second session makes the sink exceed its ${limit}` },
      () => stage,
      async () => {
        const before = postgres.errors(sqlState)
        const other = await postgres.client.connect()
        if (lock === '') {
          // A trigger that takes longer than the limit, for as long as the second session says so.
          await other.query(`create table slow (seconds int); insert into slow values (60);
            grant select on slow to pipeline;
            create function wait() returns trigger language plpgsql as
              'begin perform pg_sleep((select seconds from slow)); return null; end';
            create trigger wait before insert on iot_messages for each statement execute function wait()`)
        } else await other.query(`begin; ${lock}`)
        await postgres.untilError(sqlState, before)
        if (lock === '') {
          await other.query('update slow set seconds = 0')
          await postgres.untilMoreRows(1)
          await other.query('drop trigger wait on iot_messages; drop function wait; drop table slow')
        } else await other.query('rollback')
        other.release()
        await stage.untilGreen(SINK)
      },
    )
  }

  for (const { title, harm, repair, sqlState, shows } of [
    {
      title: 'a column disappears, and returns',
      harm: 'alter table iot_messages rename column project_id to former',
      repair: 'alter table iot_messages rename column former to project_id',
      sqlState: '42703',
      shows: /no (such )?column/,
    },
    {
      title: 'the table disappears, and returns',
      harm: 'alter table iot_messages rename to former',
      repair: 'alter table former rename to iot_messages',
      sqlState: '42P01',
      shows: /no (such )?table/,
    },
    {
      title: 'the sink loses the permission to write to the table, and gets it back',
      harm: 'revoke all on iot_messages from pipeline',
      repair: 'grant all on iot_messages to pipeline',
      sqlState: '42501',
      shows: /permission denied/,
    },
  ]) {
    faultRow(
      { id: 'P8', title },
      () => stage,
      async ({ publisher }) => {
        // A sink that may create the table would begin a new one.
        await stage.nodeRed.deploy(withSink({ createTable: false }), 'full')
        await postgres.untilMoreRows(1)
        const before = postgres.errors(sqlState)
        await postgres.client.query(harm)
        try {
          await stage.untilStatus(SINK, `says ${String(shows)}`, ({ text = '' }) => shows.test(text))
          await publisher.untilMore(200)
          assert.ok(postgres.errors(sqlState) > before)
        } finally {
          await postgres.client.query(repair)
        }
        await stage.untilGreen(SINK)
      },
    )
  }

  faultRow(
    { id: 'P9', title: `one row in ${POISON_EVERY} is refused`, deadLetters: true, timeoutMs: 300_000 },
    () => stage,
    async ({ publisher }) => {
      const poison = `kafka_offset % ${POISON_EVERY} = ${POISON_EVERY / 2}`
      const [deadBefore, offsetsBefore] = [await postgres.deadLetters(), await nextOffsets()]
      let [copies, transactions] = [0, 0]
      postgres.proxy.set({
        watch: (bytes, direction) => {
          if (direction !== 'up') return
          const text = bytes.toString('latin1')
          copies += text.split('copy "public"."iot_messages"').length - 1
          transactions += text.split('commit\0').length - 1
        },
      })
      await postgres.client.query(
        `alter table iot_messages add constraint no_poison check (not (${poison})) not valid`,
      )
      await postgres.untilMoreRows(5 * POISON_EVERY)
      publisher.setRate(0)
      const later = (row: { partition: number; offset: number | null }): boolean =>
        row.offset !== null && row.offset >= (offsetsBefore.get(row.partition) ?? 0)
      const stored = `select ((select count(*) from iot_messages) + (select count(*) from iot_dead_letters))::int`
      await until(
        () => `all that is in Kafka is a row or a dead letter\n${stage.nodeRed.logTail()}`,
        async () => (await postgres.ask<number>(stored)) === (await stage.records()).length,
        { giveUpMs: 120_000, pollMs: 500 },
      )
      await postgres.client.query('alter table iot_messages drop constraint no_poison')
      const isPoison = ({ offset }: { offset: number | null }): boolean =>
        offset !== null && offset % POISON_EVERY === POISON_EVERY / 2
      const dead = (await postgres.deadLetters()).slice(deadBefore.length)
      const rowsAfter = (await postgres.rows()).filter(later)
      assert.ok(dead.length > 0)
      assert.ok(dead.every(isPoison), 'only those rows are dead letters')
      const most = transactions + dead.length * (2 * Math.log2(POISON_EVERY) + 2)
      assert.ok(copies > transactions / 2 && copies <= most, `${copies} COPY, at most ${most}`)
      console.log(
        `      ${dead.length} of ${dead.length + rowsAfter.length} refused, ${copies} COPY in ${transactions} transactions`,
      )
      publisher.setRate(500)
    },
  )

  faultRow(
    { id: 'P11', title: 'the devices say that it is 2099, or 1970, or a day that has no partition yet' },
    () => stage,
    async () => {
      const codes = codesOf(stage.nodeRed)
      const yesterday = Math.floor(Date.now() / DAY_MS) - 1
      const partition = partitionName(TABLE, yesterday)
      const noon = new Date((yesterday + 0.5) * DAY_MS).toISOString()
      assert.ok(!(await tableExists(postgres.client, partition)), `${partition} is there already`)
      const times = JSON.stringify(['2099-01-01T00:00:00Z', '1970-01-01T00:00:00Z', noon])
      const code = `const times = ${times}
      for (const record of msg.payload) record.time = times[record.kafka.offset % 3]
      return msg`
      // The table was created for a sink without a time of the devices.
      await postgres.client.query('alter table iot_messages add column time_source text')
      await stage.nodeRed.deploy(withFunctionBeforeSink(code, { timeProperty: 'time' }), 'full')
      const from = await ledgerOf(stage)
      await postgres.untilMoreRows(500)
      await until(
        () => `the log says that times were replaced: ${codes.join(', ')}`,
        () => codes.includes('TIME_REPLACED'),
      )
      const to = await ledgerOf(stage)
      const written = (
        await postgres.client.query<{ of: number; at: string; source: string; time: Date }>(
          `select kafka_partition as of, kafka_offset as at, time_source as source, time from iot_messages`,
        )
      ).rows.filter(({ of, at }) => Number(at) >= (from.get(of) ?? 0) && Number(at) < (to.get(of) ?? 0))
      assert.ok(written.length >= 500, `only ${written.length} rows`)
      for (const { at, source, time } of written) {
        const isGood = Number(at) % 3 === 2
        assert.equal(source, isGood ? 'device' : 'kafka')
        assert.equal(time.toISOString() === noon, isGood, `${time.toISOString()} at ${at}`)
      }
      assert.ok(await tableExists(postgres.client, partition), `${partition} was not made`)
      const flow = stage.nodeRed.logTail()
      assert.doesNotMatch(flow, /no partition/)
      const strange = `select count(*)::int from iot_messages where abs(extract(epoch from time - now())) > 2 * 86400`
      assert.equal(await postgres.ask<number>(strange), 0)
      await stage.nodeRed.deploy(stage.flow, 'full')
    },
  )

  faultRow(
    {
      id: 'P15',
      title: 'transactions have failed before their COMMIT, and only its command tag says so, 5 times',
    },
    () => stage,
    async () => {
      const failures = new UnseenFailures()
      const before = postgres.errors(DIVISION_BY_ZERO)
      postgres.proxy.rewrite = failures.rewrite
      try {
        await stage.nodeRed.deploy(stage.flow, 'full')
        for (let time = 1; time <= 5; time++) {
          await postgres.untilMoreRows(1)
          failures.due = 1
          await until(
            () => `a COMMIT has met a failed transaction (${time} of 5)\n${stage.nodeRed.logTail()}`,
            () => failures.tags.length === time,
          )
        }
        const says = /PostgreSQL rolled the transaction back at COMMIT; trying again/
        await until('the log of the sink says so', () => says.test(stage.nodeRed.logTail()))
      } finally {
        postgres.proxy.rewrite = undefined
        postgres.proxy.reset()
      }
      assert.deepEqual(failures.tags, Array(5).fill('ROLLBACK'))
      assert.equal(postgres.errors(DIVISION_BY_ZERO), before + 5, 'what the server has refused')
      await stage.untilGreen(SINK)
    },
  )

  /** By partition, what comes next in Kafka. */
  async function nextOffsets(): Promise<Map<number, number>> {
    const next = new Map<number, number>()
    for (const { partition, offset } of await stage.records())
      next.set(partition, Math.max(next.get(partition) ?? 0, offset + 1))
    return next
  }

  function withSink(change: object): FlowEntry[] {
    return stage.flow.map((entry) => (entry.type === SINK ? { ...entry, ...change } : entry))
  }

  /** The flow with a Function node between the consumer and the sink. */
  function withFunctionBeforeSink(code: string, sinkChange: object): FlowEntry[] {
    const flow = withSink(sinkChange)
    const sink = flow.find(({ type }) => type === SINK) as FlowEntry
    const changed = flow.map((entry) =>
      entry.type === 'tenant-kafka-consumer'
        ? { ...entry, wires: [['fault'], (entry.wires as string[][])[1]] }
        : entry,
    )
    const fault = { id: 'fault', type: 'function', z: sink.z, func: code, outputs: 1, wires: [[sink.id]] }
    return [...changed, fault]
  }
})
