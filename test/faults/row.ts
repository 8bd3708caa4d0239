/**
 * One row of the fault matrix as a test: devices publish, a fault happens and is healed, devices continue, and then the
 * oracle adds up. `npm run test:all` runs the quick rows, `npm run test:faults` all of them.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { randomFrom, testSeed } from '../support/random'
import { until } from '../support/until'
import { examine, idIn, type Findings, type FoundRecord } from './oracle'
import { PublisherProcess } from './publisher/process'
import {
  examineAudit,
  examineRows,
  lettersOfTheSink,
  type RowEvidence,
  type RowFindings,
} from './postgres-oracle'
import { WINDOW, type Stage } from './stage'
import { addToTable } from './table'

/** So long what was acknowledged may take to be in Kafka after the heal. */
const DRAIN_LIMIT_MS = 60_000
const seed = testSeed()
/** `npm run test:faults`; otherwise `npm run test:all`, where a row may do less. */
export const ALL_ROWS = process.env.FAULTS === 'all'

export interface Row {
  /** As in the matrix: `F1`, `K7`. */
  readonly id: string
  /** What happens, and the outcome that it must have. */
  readonly title: string
  /** Part of `npm run test:all` as well. */
  readonly quick?: boolean
  /** Messages a second; default 500. */
  readonly rate?: number
  /**
   * Copies that may be in Kafka besides the first: `none` after a fault that leaves Node-RED alive or lets it close,
   * `window` when it is killed or its acknowledgements are cut off, or a number. Default `none`.
   */
  readonly repeats?: 'none' | 'window' | number
  /** At least this many copies there must be: a fault that had no effect proves nothing. */
  readonly repeatsAtLeast?: number
  /** The fault makes the MQTT broker lose messages: the body asserts that the loss is reported. */
  readonly reportedLoss?: boolean
  /** The fault makes records that can never become rows. Otherwise there must be no dead letter. */
  readonly deadLetters?: boolean
  /** Shared subscriptions give up the order of a device. */
  readonly unordered?: boolean
  /** The MQTT source sends one message at a time; by default batches, as in example 01. */
  readonly mode?: 'message'
  /** Of all messages; by default half of the devices publish with QoS 1, half with QoS 2. */
  readonly qos?: 1
  /** Default 120 s. */
  readonly timeoutMs?: number
}

/** A run of one row. */
export class Run {
  healedAt: number | undefined
  /** In a row with a reported loss: what was published later must not be missing. */
  lossEndedAt = Infinity
  /** Records that the fault takes out of Kafka and that were there before. */
  readonly deleted: FoundRecord[] = []

  constructor(
    readonly stage: Stage,
    readonly publisher: PublisherProcess,
    /** Begins the id of every message of this run. */
    readonly name: string,
    /** 0 ≤ n < 1, repeated by the seed. */
    readonly random: () => number,
  ) {}

  /** From now on nothing is lost any more. */
  lossEnded(): void {
    this.lossEndedAt = Date.now()
  }

  /** Marks the end of the fault; by default it is when the body returns. */
  healed(): void {
    this.healedAt = Date.now()
  }
}

/**
 * Defines the test.
 * @param stage asked for when the test runs
 * @param body  injects the fault and heals it; the publisher is publishing all the while
 */
export function faultRow(row: Row, stage: () => Stage, body: (run: Run) => Promise<void>): void {
  if (!ALL_ROWS && row.quick !== true) return
  const title = row.mode === 'message' ? `${row.title} (single messages)` : row.title
  it(`${row.id}: ${title}`, async function () {
    this.timeout(row.timeoutMs ?? 120_000)
    await stage().setMode(row.mode ?? 'batch')
    await play({ ...row, title }, stage(), body)
  })
}

async function play(row: Row, stage: Stage, body: (run: Run) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), `tenant-fault-${row.id}-`))
  const rate = row.rate ?? 500
  const name = randomBytes(4).toString('hex')
  let publisher: PublisherProcess | undefined
  try {
    await stage.untilIdle()
    publisher = await PublisherProcess.start({
      folder,
      url: stage.mqtt.address,
      run: name,
      rate,
      qos: row.qos,
    })
    await publisher.untilMore(2 * rate)
    const run = new Run(stage, publisher, name, randomFrom(seed ^ hash(row.id)))
    await body(run)
    const healedAt = run.healedAt ?? Date.now()
    await publisher.untilMore(2 * rate)
    const logs = await publisher.stop()

    const look = async (): Promise<Seen> => {
      const records = [...run.deleted, ...(await stage.records())]
      const letters = await stage.deadLetters()
      const deadLetters = new Set(letters.map((letter) => idIn(letter) ?? ''))
      const findings = examine({ run: name, logs, records, deadLetters, healedAt })
      const writtenOff = [...deadLetters].filter((id) => id.startsWith(`${name}-`))
      return {
        findings,
        writtenOff,
        rows: await lookAtRows(stage, { run: name, ...logs, healedAt, records }, letters),
      }
    }
    let seen = await look()
    await until(
      () => `everything is stored (${describe(seen)})\n${stage.nodeRed.logTail()}`,
      async () => {
        seen = await look()
        const { findings, rows } = seen
        const isThere = row.reportedLoss === true || findings.missing.length === 0
        const audited = rows === undefined || (rows.missing.length === 0 && rows.audit.length === 0)
        const recovered = rows === undefined || rows.recoveryMs !== undefined
        return isThere && findings.recoveryMs !== undefined && audited && recovered
      },
      { giveUpMs: DRAIN_LIMIT_MS, pollMs: 500 },
    )
    console.log(`      ${row.id}, seed ${seed}: ${describe(seen)}`)
    addToTable({ ...row, seed, ...seen })
    judge(row, stage, seen.findings, publisher.resent)
    if (row.deadLetters !== true) assert.deepEqual(seen.writtenOff, [], 'dead letters in Kafka')
    if (seen.rows !== undefined) {
      judgeRows(seen.rows)
      if (row.deadLetters !== true) assert.equal(seen.rows.deadLetters, 0, 'dead letters in PostgreSQL')
      assert.deepEqual(seen.rows.audit, [], 'the audit of the ledger')
    }
    const late = new Set(
      logs.intents.filter(({ publishedAt }) => publishedAt >= run.lossEndedAt).map(({ id }) => id),
    )
    assert.deepEqual(
      seen.findings.missing.filter((id) => late.has(id)),
      [],
      'missing, and published after the loss',
    )
    rmSync(folder, { recursive: true })
  } catch (error) {
    await publisher?.stop().catch(() => undefined)
    console.log(
      `      ${row.id} failed with seed ${seed} (TEST_SEED=${seed} repeats it); logs are in ${folder}\n${stage.nodeRed.logTail()}`,
    )
    throw error
  }
}

interface Seen {
  readonly findings: Findings
  /** Messages of the publisher that are dead letters in Kafka. */
  readonly writtenOff: readonly string[]
  readonly rows: (RowFindings & { readonly audit: readonly string[] }) | undefined
}

async function lookAtRows(
  { postgres }: Stage,
  evidence: Pick<RowEvidence, 'run' | 'intents' | 'healedAt' | 'records'>,
  letters: readonly FoundRecord[],
): Promise<Seen['rows']> {
  if (postgres === undefined) return undefined
  const rows = await postgres.rows()
  const deadLetters = [...(await postgres.deadLetters()), ...lettersOfTheSink(letters)]
  const audit = examineAudit(await postgres.audit(), rows, deadLetters)
  return { ...examineRows({ ...evidence, rows, deadLetters }), audit }
}

/** What holds for every row of the matrix. */
function judge(row: Row, { mqtt }: Stage, findings: Findings, resent: number): void {
  if (row.reportedLoss !== true) assert.deepEqual(findings.missing, [], 'missing')
  assert.deepEqual(findings.invented, [], 'invented')
  assert.deepEqual(findings.altered, [], 'altered')
  assert.deepEqual(findings.wrongTenant, [], 'wrong tenant')
  if (row.unordered !== true) {
    assert.deepEqual(findings.disordered, [], 'disordered')
    if (mqtt.keepsOrderWithQos2 || row.qos === 1)
      assert.deepEqual(
        findings.disorderedOnArrival,
        [],
        'disordered by the MQTT broker, or on the way from it',
      )
  }
  const budget = budgetOf(row) + resent
  assert.ok(findings.repeated <= budget, `${findings.repeated} repeated, at most ${budget} may be`)
  const least = row.repeatsAtLeast ?? 0
  assert.ok(findings.repeated >= least, `${findings.repeated} repeated, at least ${least} should be`)
}

/** Exactly once, whatever the fault. */
function judgeRows({ missing, repeated, invented, altered, wrongTenant }: RowFindings): void {
  const nothing = { missing: [], repeated: [], invented: [], altered: [], wrongTenant: [] }
  assert.deepEqual({ missing, repeated, invented, altered, wrongTenant }, nothing, 'in PostgreSQL')
}

function budgetOf({ repeats = 'none' }: Row): number {
  if (repeats === 'none') return 0
  return repeats === 'window' ? WINDOW : repeats
}

function describe({ findings, rows }: Seen): string {
  const { acknowledged, found, missing, repeated, recoveryMs } = findings
  return (
    `published ${acknowledged}, in Kafka ${found}, missing ${missing.length}, repeated ${repeated}, ` +
    `recovered in ${secondsOf(recoveryMs)} s` +
    (rows === undefined
      ? ''
      : `; rows ${rows.rows}, dead letters ${rows.deadLetters}, missing ${rows.missing.length}, ` +
        `repeated ${rows.repeated.length}, recovered in ${secondsOf(rows.recoveryMs)} s`)
  )
}

function secondsOf(ms: number | undefined): string {
  return ms === undefined ? '?' : (ms / 1000).toFixed(1)
}

/** Each row has random moments of its own, and all come from the one seed that is printed. */
function hash(text: string): number {
  return [...text].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), 7)
}
