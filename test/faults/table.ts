/** The results of a whole run of the fault tests, as the table that the README's promise points at. */
import { appendFileSync, readFileSync } from 'node:fs'
import os from 'node:os'
import type { Findings } from './oracle'
import type { RowFindings } from './postgres-oracle'

export interface TableRow {
  readonly id: string
  readonly title: string
  readonly seed: number
  readonly reportedLoss?: boolean
  readonly findings: Findings
  /** With the second leg only. */
  readonly rows?: RowFindings | undefined
}

/** Adds a line to the file that `FAULTS_RESULTS` names, if it does. */
export function addToTable({ id, title, seed, reportedLoss, findings, rows }: TableRow): void {
  const file = process.env.FAULTS_RESULTS
  if (file === undefined || file === '') return
  appendFileSync(file, `${JSON.stringify({ id, title, seed, reportedLoss, findings, rows })}\n`)
}

/** Markdown, in the order of the matrix: F, M, K, and each by its number. */
export function tableOf(results: readonly TableRow[]): string {
  const lines = [...results].sort(byId).map(({ id, title, seed, reportedLoss, findings, rows: inTable }) => {
    const { acknowledged, found, missing, repeated, recoveryMs } = findings
    const lost = reportedLoss === true ? `${missing.length} (reported)` : String(missing.length)
    const recoveries = `${secondsOf(recoveryMs)} | ${secondsOf(inTable?.recoveryMs)}`
    return `| ${id} | ${title} | ${seed} | ${acknowledged} | ${found} | ${lost} | ${repeated} | ${recoveries} | ${inTable?.rows ?? ''} |`
  })
  return [
    '| id | fault | seed | published | in Kafka | missing | repeated | recovery, s | to rows, s | rows |',
    '|---|---|---|---:|---:|---:|---:|---:|---:|---:|',
    ...lines,
  ].join('\n')
}

function secondsOf(ms: number | undefined): string {
  return ms === undefined ? '' : (ms / 1000).toFixed(1)
}

const LEGS = 'FMKP'

function byId(a: TableRow, b: TableRow): number {
  const [legA, legB] = [LEGS.indexOf(a.id.charAt(0)), LEGS.indexOf(b.id.charAt(0))]
  return legA - legB || parseInt(a.id.slice(1)) - parseInt(b.id.slice(1)) || a.title.localeCompare(b.title)
}

const INTRODUCTION = `# Faults, and what they cost

Written by \`npm run test:faults\`; do not edit. Each row is a test in \`test/faults/\` with real brokers: a publisher in a
process of its own writes each message's id and SHA-256 to the disk before it publishes, and the id again when the
MQTT broker has acknowledged it. When the fault is over, everything is compared with what lies in Kafka, byte by byte.

- **published**: acknowledged to the publisher by the MQTT broker.
- **missing**: of these, neither in Kafka nor a dead letter. Nothing was found that nobody had published, no payload or
  header differed, no message was under another tenant, and each device's messages lay in their order (else the test
  fails). With QoS 2 behind Mosquitto before 2.0.13 that is the order in which they reached the source.
- **repeated**: copies in Kafka besides the first. After a kill or a cut connection up to one window of the source (1,000)
  is allowed; each copy has the message ID that the device has set.
- **recovery**: from the end of the fault to the first message in Kafka that was published after it.
- **to rows**: where PostgreSQL takes part, from the end of the fault to the transaction that wrote the first row of a
  message which was published after it (its begin, which the row's \`created_at\` is; the COMMIT follows it).
- **rows**: where PostgreSQL takes part, rows in the table. Each record in Kafka was one row or one dead letter, with the
  same bytes and under the same tenant (else the test fails).
`

/** `docs/faults.md`. @param file with the lines of `addToTable` */
export function pageOf(file: string): string {
  const results = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as TableRow)
  const machine = `Node.js ${process.version}, ${os.availableParallelism()} processors.`
  return `${INTRODUCTION}\n${machine}\n\n${tableOf(results)}\n`
}
