/** What a sink would find and do with its settings, before it is deployed: the columns, and the SQL that it would run. */
import type { ClientBase } from 'pg'
import { PipelineError } from '../../wire/errors'
import type { Database } from '../connect/database'
import { qualified, type TableName } from '../connect/identifiers'
import { prepareDeadLetters } from '../dead-letters/dead-letters'
import { LedgerTable } from '../ledger/ledger-table'
import { changePolicy, type HypertablePolicy } from '../table/hypertable'
import { describeHypertable, type HypertableState } from '../table/hypertable-statements'
import { DailyPartitions } from '../table/partitions'
import { checkTable, createWanted, type TableLayout, type TableOptions } from '../table/table'
import { describeTable, IS_PROTECTED, protectRows, type TableDescription } from '../table/table-statements'
import { compareColumns, newColumns, type FoundColumn, type ShownColumn } from './column-comparison'
import { rehearse, type Rehearsal } from './rehearsal'

export interface PreviewOptions extends TableOptions {
  readonly deadLetters: TableName | undefined
  /** `undefined`: the sink uses none. */
  readonly ledger: { readonly table: TableName; readonly create: boolean } | undefined
  /** Used where the table is a hypertable. */
  readonly policy: HypertablePolicy
}

export interface TablePreview {
  /** As in SQL. */
  readonly table: string
  readonly exists: boolean
  /** `undefined`: the sink would refuse the table. */
  readonly layout: TableLayout | undefined
  readonly columns: readonly ShownColumn[]
  /** Why the sink would stop. */
  readonly problem: string | undefined
  /** In their order. */
  readonly statements: readonly string[]
}

/** As `create_hypertable` leaves it. */
const NEW_HYPERTABLE: Omit<HypertableState, 'timeColumn'> = {
  chunkHours: 24,
  compresses: false,
  compressAfterDays: null,
  retentionDays: null,
  community: true,
}

/** Changes nothing. @throws PipelineError when the database cannot be asked */
export function previewTable(database: Database, options: PreviewOptions): Promise<TablePreview> {
  const { table, create, reader } = options
  const look = async (rehearsal: Rehearsal): Promise<TablePreview> => {
    const { client, statements } = rehearsal
    const found = await describeTable(client, table)
    const columns =
      found === undefined
        ? newColumns(options.columns, create)
        : compareColumns(options.columns, await readColumnsOf(client, table))
    const outcome = await prepare(rehearsal, options, found).catch(problemOf)
    const isProblem = typeof outcome === 'string'
    return {
      table: qualified(table),
      exists: found !== undefined,
      layout: isProblem ? undefined : outcome.layout,
      columns,
      problem: isProblem ? outcome : undefined,
      statements,
    }
  }
  // A table that would be protected by then is not yet.
  return rehearse(database, look, (text) =>
    text === IS_PROTECTED && reader !== undefined ? [{}] : undefined,
  )
}

/** In the order of a sink's start. */
async function prepare(
  { client, database }: Rehearsal,
  options: PreviewOptions,
  found: TableDescription | undefined,
): Promise<{ readonly layout: TableLayout }> {
  const { table, columns, deadLetters, ledger, reader, policy } = options
  if (ledger !== undefined) await new LedgerTable(database, ledger.table, ledger.create).prepare()
  if (deadLetters !== undefined) await prepareDeadLetters(database, deadLetters)
  let layout: TableLayout
  if (found === undefined && options.create) {
    layout = await createWanted(client, options)
    if (reader !== undefined) await protectRows(client, table, reader.tenantColumn, reader.role)
  } else {
    ;({ layout } = await checkTable(client, options, found))
  }
  if (layout === 'by day') {
    const problem = await new DailyPartitions(database, table).ensureAhead()
    if (problem !== undefined) throw problem
  }
  if (layout === 'hypertable') {
    const timeColumn = columns.find(({ source }) => source.kind === 'time')?.name ?? ''
    const before = found && (await describeHypertable(client, table))
    await changePolicy(client, table, columns, policy, before ?? { ...NEW_HYPERTABLE, timeColumn })
  }
  return { layout }
}

/** What our own code refuses. @throws what the server has refused: after it nothing more can be asked */
function problemOf(error: unknown): string {
  if (error instanceof PipelineError) return error.message
  throw error
}

async function readColumnsOf(client: ClientBase, table: TableName): Promise<FoundColumn[]> {
  const { rows } = await client.query<FoundColumn>(
    `\
select attname as name, format_type(atttypid, atttypmod) as type, attgenerated <> '' as generated,
       attnotnull and not atthasdef and attidentity = '' and attgenerated = '' as "isRequired"
  from pg_attribute
 where attrelid = to_regclass($1) and attnum > 0 and not attisdropped
 order by attnum`,
    [qualified(table)],
  )
  return rows
}
