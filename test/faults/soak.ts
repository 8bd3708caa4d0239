/**
 * `npm run test:faults -- --soak [--kills N] [--jobs N] [--seed N]`: Node-RED is killed again and again at random points, under
 * load, and started at once; then the oracle adds up. It writes no table, but a last line. `run.ts` runs
 * this file, once for each job.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomFrom, testSeed } from '../support/random'
import { until } from '../support/until'
import { distance, endsOf, ledgerOf, postgresOf, type Positions } from './consumer-faults'
import { examine, type Findings } from './oracle'
import { examineAudit, examineRows, type RowFindings } from './postgres-oracle'
import { PublisherProcess } from './publisher/process'
import { lineOf } from './soak-sum'
import { Stage, WINDOW } from './stage'

/** Messages a second: a run of hours has to be read by the oracle at once. */
const RATE = 50
/**
 * Half of the lives last until the first rows are committed and then end within this time, at random. The others end
 * within it after the start: for as long as the group waits for the members that were killed, those would never write.
 */
const LIFE_MS = 4000
const DRAIN_LIMIT_MS = 900_000

const kills = Number(process.env.SOAK_KILLS)

describe('the soak', function () {
  this.timeout(0)
  it(`loses and repeats nothing in ${kills} kills`, () => soak(testSeed()))
})

interface Sum {
  readonly findings: Findings
  readonly rows: RowFindings
  readonly audit: readonly string[]
  /** In Kafka; those in PostgreSQL are counted with the rows. */
  readonly deadLetters: number
}

/** @throws Error when something is missing, repeated in PostgreSQL, or wrong in another way */
async function soak(seed: number): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tenant-soak-'))
  const random = randomFrom(seed)
  const run = randomBytes(4).toString('hex')
  const stage = await Stage.start({ secondLeg: true })
  const postgres = postgresOf(stage)
  let publisher: PublisherProcess | undefined
  let writing = 0
  try {
    publisher = await PublisherProcess.start({ folder, url: stage.mqtt.address, run, rate: RATE })
    for (let kill = 1; kill <= kills; kill++) {
      const before = await ledgerOf(stage)
      if (random() < 0.5) await untilWritten(stage, before)
      await sleep(random() * LIFE_MS)
      if (distance(await ledgerOf(stage), before) > 0) writing++
      await stage.nodeRed.kill('SIGKILL')
      await stage.nodeRed.start()
      if (kill % 50 === 0) console.log(`${kill} kills, ${publisher.acknowledged} messages`)
    }
    const logs = await publisher.stop()
    await untilDrained(stage)
    const records = await stage.records()
    const [rows, deadLetters] = [await postgres.rows(), await postgres.deadLetters()]
    const sum: Sum = {
      findings: examine({ run, logs, records }),
      rows: examineRows({ run, records, rows, deadLetters }),
      audit: examineAudit(await postgres.audit(), rows, deadLetters),
      deadLetters: (await stage.deadLetters()).length,
    }
    console.log(sumOf(sum, writing))
    judge(sum, stage.mqtt.keepsOrderWithQos2)
    rmSync(folder, { recursive: true })
  } finally {
    await publisher?.stop().catch(() => undefined)
    await stage.stop()
  }
}

/** Waits until rows have been committed. */
async function untilWritten(stage: Stage, before: Positions): Promise<void> {
  await until(
    () => `the first rows are committed\n${stage.nodeRed.logTail()}`,
    async () => distance(await ledgerOf(stage), before) > 0,
    { giveUpMs: DRAIN_LIMIT_MS, pollMs: 200 },
  )
}

/**
 * Waits until the source has nothing on its way and the ledger has passed all that Kafka holds. By small questions: who
 * reads all of a long run again and again keeps it from getting done.
 */
async function untilDrained(stage: Stage): Promise<void> {
  let behind = Infinity
  await until(
    () => `the flow has drained (${behind} records behind)\n${stage.nodeRed.logTail()}`,
    async () => {
      behind = distance(await endsOf(stage), await ledgerOf(stage))
      return behind === 0 && stage.sourceIsIdle
    },
    { giveUpMs: DRAIN_LIMIT_MS, pollMs: 1000 },
  )
}

function judge({ findings, rows, audit, deadLetters }: Sum, brokerKeepsOrder: boolean): void {
  const none = { missing: [], invented: [], altered: [], wrongTenant: [] }
  for (const found of [findings, rows]) {
    const { missing, invented, altered, wrongTenant } = found
    assert.deepEqual(
      { missing, invented, altered, wrongTenant },
      none,
      found === rows ? 'in PostgreSQL' : 'in Kafka',
    )
  }
  assert.deepEqual(rows.repeated, [], 'repeated rows')
  // Every message of the publisher is good: one that was written off is lost.
  assert.deepEqual({ inKafka: deadLetters, inPostgres: rows.deadLetters }, { inKafka: 0, inPostgres: 0 })
  assert.deepEqual(audit, [], 'the audit of the ledger')
  assert.deepEqual(findings.disordered, [], 'disordered')
  if (brokerKeepsOrder) assert.deepEqual(findings.disorderedOnArrival, [], 'disordered on arrival')
  assert.ok(findings.repeated <= kills * WINDOW, `${findings.repeated} repeated in Kafka`)
}

function sumOf({ findings, rows }: Sum, writing: number): string {
  return lineOf({
    kills,
    writing,
    published: findings.acknowledged,
    rows: rows.rows,
    missing: findings.missing.length + rows.missing.length,
    repeated: rows.repeated.length,
  })
}
