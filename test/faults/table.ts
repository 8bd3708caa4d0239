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

Written by \`npm run test:faults\`; do not edit. Each row is a test in \`test/faults/\` with real brokers. A publisher in its
own process writes each message's id and SHA-256 to disk before it publishes, and the id again when the MQTT broker has
acknowledged it. After the fault, everything is compared byte by byte with what Kafka holds.

- **published**: acknowledged to the publisher by the MQTT broker.
- **missing**: of these, neither in Kafka nor a dead letter. The test also fails if Kafka holds a message that was never
  published, if a payload or header differs, if a message is under another tenant, or if a device's messages are out of
  order. With QoS 2 and Mosquitto before 2.0.13, the order is the one in which they reached the source.
- **repeated**: additional copies in Kafka. After a kill or a cut connection, up to one window of the source (1,000) is
  allowed; each copy has the message ID that the device has set.
- **recovery**: from the end of the fault to the first message in Kafka that was published after it.
- **to rows**: if PostgreSQL takes part, from the end of the fault to the start of the transaction that wrote the first row
  of a message that was published after it (the row's \`created_at\`; the COMMIT follows).
- **rows**: if PostgreSQL takes part, rows in the table. The test fails unless each record in Kafka was one row or one dead
  letter, with the same bytes and under the same tenant.

The source sends batches, as in example 01; in the rows that say so it sends single messages.
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
