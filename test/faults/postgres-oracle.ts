/**
 * The second half of the conservation check: each record in Kafka is one row, or one dead letter, in
 * PostgreSQL, byte by byte and under its own tenant. It says nothing about the publisher: `oracle.ts` does.
 */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { AuditLine } from '../support/audit'
import { idIn, type FoundRecord } from './oracle'
import type { Intent } from './publisher/logs'

/** A row of the table, or of the table of dead letters. */
export interface FoundRow {
  readonly partition: number
  /** `null`: a row that did not come from Kafka. */
  readonly offset: number | null
  /** Of the payload, in hexadecimal digits. */
  readonly sha256: string
  readonly tenant: string
  readonly project: string
  readonly mqttTopic: string
  readonly messageId: string
  /** When the transaction of the row began, in milliseconds since 1970; dead letters have none. */
  readonly createdAt?: number
}

/** The lists hold positions, `partition/offset`. */
export interface RowFindings {
  /** Rows of this run. */
  readonly rows: number
  readonly deadLetters: number
  /** In Kafka, and neither a row nor a dead letter. */
  readonly missing: readonly string[]
  /** More than one row or dead letter. */
  readonly repeated: readonly string[]
  /** A row whose position is not that of a record. */
  readonly invented: readonly string[]
  readonly altered: readonly string[]
  readonly wrongTenant: readonly string[]
  /** Of the rows of messages that were published after the heal: the earliest, in ms after the heal. */
  readonly recoveryMs: number | undefined
}

export interface RowEvidence {
  readonly run: string
  /** What was published; needed only for the recovery. */
  readonly intents?: readonly Pick<Intent, 'id' | 'publishedAt'>[]
  /** When the fault was over, in milliseconds since 1970. */
  readonly healedAt?: number | undefined
  readonly records: readonly FoundRecord[]
  readonly rows: readonly FoundRow[]
  readonly deadLetters: readonly FoundRow[]
}

export function examineRows({
  run,
  intents = [],
  healedAt = Infinity,
  records,
  rows,
  deadLetters,
}: RowEvidence): RowFindings {
  const late = new Set(intents.filter(({ publishedAt }) => publishedAt >= healedAt).map(({ id }) => id))
  const mine = new Map(
    records
      .filter((record) => idIn(record)?.startsWith(`${run}-`))
      .map((record) => [positionOf(record), record]),
  )
  const known = new Set(records.map(positionOf))
  const seen = new Set<string>()
  const repeated = new Set<string>()
  const invented: string[] = []
  const altered: string[] = []
  const wrongTenant: string[] = []
  let recoveryMs: number | undefined
  const look = (row: FoundRow): boolean => {
    const position = positionOf(row)
    const record = mine.get(position)
    if (record === undefined) {
      if (!known.has(position)) invented.push(position)
      return false
    }
    if (seen.has(position)) repeated.add(position)
    seen.add(position)
    const { headers } = record
    const digest = createHash('sha256').update(record.value).digest('hex')
    if (
      row.sha256 !== digest ||
      row.mqttTopic !== headers['mqtt-topic'] ||
      row.messageId !== headers['message-id']
    )
      altered.push(position)
    if (row.tenant !== headers.tenant || row.project !== headers.project) wrongTenant.push(position)
    if (row.createdAt !== undefined && late.has(idIn(record) ?? ''))
      recoveryMs = Math.min(recoveryMs ?? Infinity, row.createdAt - healedAt)
    return true
  }
  return {
    rows: rows.filter(look).length,
    deadLetters: deadLetters.filter(look).length,
    missing: [...mine.keys()].filter((position) => !seen.has(position)),
    repeated: [...repeated],
    invented,
    altered,
    wrongTenant,
    recoveryMs,
  }
}

/**
 * What the ledger's audit gets wrong: offsets that it cannot account for, and counts that the tables do not have.
 * @returns sentences, none when the audit is clean
 */
export function examineAudit(
  lines: readonly AuditLine[],
  rows: readonly FoundRow[],
  deadLetters: readonly FoundRow[],
): string[] {
  return lines.flatMap((line) => {
    const { partition, first, next, unaccounted } = line
    const among = (found: readonly FoundRow[]): number =>
      found.filter(
        ({ partition: of, offset }) =>
          of === partition && offset !== null && offset >= first && offset < next,
      ).length
    const counted = { unaccounted, rows: line.rows, deadLetters: line.deadLetters }
    const inTables = { unaccounted: 0, rows: among(rows), deadLetters: among(deadLetters) }
    if (isDeepStrictEqual(counted, inTables)) return []
    return [`partition ${partition}: ${JSON.stringify(counted)}, in the tables ${JSON.stringify(inTables)}`]
  })
}

/** Dead letters in Kafka that a sink has written. There they may repeat after a crash, so each counts once. */
export function lettersOfTheSink(letters: readonly FoundRecord[]): FoundRow[] {
  const byPosition = new Map<string, FoundRow>()
  for (const { headers, value } of letters) {
    if (headers['dead-letter-kafka-offset'] === undefined) continue
    const row = {
      partition: Number(headers['dead-letter-kafka-partition']),
      offset: Number(headers['dead-letter-kafka-offset']),
      sha256: createHash('sha256').update(value).digest('hex'),
      tenant: headers.tenant ?? '',
      project: headers.project ?? '',
      mqttTopic: headers['mqtt-topic'] ?? '',
      messageId: headers['message-id'] ?? '',
    }
    byPosition.set(positionOf(row), row)
  }
  return [...byPosition.values()]
}

function positionOf({ partition, offset }: { partition: number; offset: number | null }): string {
  return `${partition}/${offset}`
}
