/**
 * Is everything there? Adds up the ledger, and compares it with the tables and with Kafka. The ledger moves in the transaction
 * that writes the rows, so one snapshot has both as they belong together, also while a pipeline writes.
 */
import type { ClientBase } from 'pg'
import { PipelineError } from '../../wire/errors'
import type { Database } from '../connect/database'
import { qualified, type TableName } from '../connect/identifiers'
import { IDENTIFIER } from '../connect/name-option'
import { describeLedger } from '../ledger/ledger-statements'
import { describeTable } from '../table/table-statements'
import {
  countRows,
  POSITION_COLUMNS,
  readLedger,
  type CountedRows,
  type LedgerLine,
} from './audit-statements'

/** Why the rows of a line were not counted. */
export type Uncounted = 'consumer' | 'tenants' | 'no table' | 'no position columns' | 'shared'

export interface AuditedLine extends LedgerLine {
  readonly counted: CountedRows | Uncounted
}

const SNAPSHOT = ['set transaction isolation level repeatable read, read only']

/** @throws PipelineError `LEDGER_MISSING` or `LEDGER_OLD`, or DatabaseError */
export function listLedger(database: Database, ledger: TableName): Promise<LedgerLine[]> {
  return database.transaction('reading the ledger', (client) => linesOf(client, ledger), undefined, SNAPSHOT)
}

/** @param isWanted which lines are audited @throws PipelineError as `listLedger` */
export function auditLedger(
  database: Database,
  ledger: TableName,
  isWanted: (line: LedgerLine) => boolean,
): Promise<AuditedLine[]> {
  const work = async (client: ClientBase): Promise<AuditedLine[]> => {
    const all = await linesOf(client, ledger)
    const audited: AuditedLine[] = []
    for (const line of all.filter(isWanted))
      audited.push({ ...line, counted: await countOf(client, line, all) })
    return audited
  }
  return database.transaction('auditing the ledger', work, undefined, SNAPSHOT)
}

async function linesOf(client: ClientBase, ledger: TableName): Promise<LedgerLine[]> {
  const found = await describeLedger(client, ledger)
  if (found === undefined) {
    throw refused(
      'LEDGER_MISSING',
      `there is no ledger ${qualified(ledger)}: no sink has written by ledger to this database`,
    )
  }
  if (found.missingColumns.length > 0 || !found.hasAudit) {
    throw refused(
      'LEDGER_OLD',
      `the ledger ${qualified(ledger)} is of an older version; the next deploy of a sink or consumer adds what it lacks`,
    )
  }
  return readLedger(client, ledger)
}

async function countOf(
  client: ClientBase,
  line: LedgerLine,
  all: readonly LedgerLine[],
): Promise<CountedRows | Uncounted> {
  if (line.sink === '') return 'consumer'
  const [schema = '', table = '', ...others] = (line.target ?? '').split('.')
  if (schema.includes('{')) return 'tenants'
  if (others.length > 0 || !IDENTIFIER.test(schema) || !IDENTIFIER.test(table)) return 'no table'
  // The table does not say which of several groups or clusters a row came through.
  const isSame = (other: LedgerLine): boolean =>
    other.target === line.target && other.topic === line.topic && other.partition === line.partition
  if (all.filter(isSame).length > 1) return 'shared'
  const name = { schema, table }
  const found = await describeTable(client, name)
  if (found === undefined) return 'no table'
  if (!POSITION_COLUMNS.every((column) => found.columns.has(column))) return 'no position columns'
  return countRows(client, name, line)
}

// ---- the verdict -----------------------------------------------------------------------------------------

export interface JudgedLine {
  /** Empty: it adds up. Sentences that say what is wrong. */
  readonly failures: readonly string[]
  /** What could not be compared, or what is worth knowing. */
  readonly notes: readonly string[]
}

/** What Kafka has of the partition; `missing`: there is no such partition. `undefined`: Kafka was not asked. */
export type KafkaRange = { readonly earliest: number; readonly latest: number } | 'missing' | undefined

/** @param keepsAll the table is to have every row that the ledger has counted: nothing deletes old ones */
export function judge(line: AuditedLine, kafka: KafkaRange, keepsAll: boolean): JudgedLine {
  const failures: string[] = []
  const notes: string[] = []
  const { unaccounted, nextOffset, storedRows, added, counted } = line
  if (unaccounted === null) failures.push('an older version of this package writes without counting')
  else if (unaccounted > 0)
    failures.push(`${unaccounted} offsets are neither rows, nor dead letters, nor filtered`)
  else if (unaccounted < 0) failures.push(`${-unaccounted} more outcomes than offsets`)
  if (kafka === 'missing') failures.push('Kafka has no such partition')
  else if (kafka !== undefined) {
    const { earliest, latest } = kafka
    if (nextOffset > latest) {
      failures.push(
        `the position ${nextOffset} is past the end of the partition, ${latest}: the topic was created again, or ` +
          'Kafka was restored from a backup',
      )
    }
    if (nextOffset < earliest)
      failures.push(`Kafka has deleted the offsets ${nextOffset} to ${earliest - 1} before they were written`)
  }
  if (typeof counted === 'string') {
    if (counted !== 'consumer') notes.push(`rows not counted: ${WHY[counted]}`)
    return { failures, notes }
  }
  const { rows, positions } = counted
  // One record may become several rows, which are `added`.
  if (added === 0 && rows > positions) {
    const again = `${rows - positions} rows of the table are at a position that has a row`
    failures.push(`${again}: written twice, or of an earlier topic of this name`)
  }
  if (rows < storedRows) {
    const gone = `${storedRows - rows} of ${storedRows} rows are not in the table`
    if (keepsAll) failures.push(gone)
    else notes.push(`${gone}: the retention or something else has deleted them`)
  }
  return { failures, notes }
}

const WHY: Readonly<Record<Exclude<Uncounted, 'consumer'>, string>> = {
  tenants: 'each tenant has a table of its own',
  'no table': 'its table is not there, or not known',
  'no position columns': `the table has no columns ${POSITION_COLUMNS.join(', ')}`,
  shared: 'several groups or clusters write to this table',
}

function refused(code: string, message: string): PipelineError {
  return new PipelineError(code, message, { retryable: false })
}
