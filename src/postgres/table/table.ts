/**
 * The table that a sink writes to: made when it is missing and the sink may create it, else used as it is. A table
 * that does not fit the mapping is a fault of the configuration, found before the first row and not by it.
 */
import type { ClientBase } from 'pg'
import { whyUnusable, type ColumnType } from '../rows/column-family'
import type { Column, PropertyPath } from '../rows/columns'
import { conflictLoss, losesRowsAfterConflict } from './conflict-loss'
import type { Database } from '../connect/database'
import { DatabaseError } from '../connect/database-error'
import type { TableName } from '../connect/identifiers'
import { createSchema, lockDefinitions } from '../connect/server-statements'
import {
  createTable,
  describeTable,
  type NewTable,
  protectRows,
  type TableDescription,
} from './table-statements'
import { enableTimescale, timescaleVersion } from './hypertable-statements'
import { phrase } from '../../status/phrase'

export interface TableOptions {
  readonly table: TableName
  readonly columns: readonly Column[]
  readonly create: boolean
  /** With `create`: make the schema as well. */
  readonly createSchema?: boolean
  /** A role that reads, under row-level security by this column. */
  readonly reader?: { readonly role: string; readonly tenantColumn: string } | undefined
  /** Key columns of the staged writer. */
  readonly key: readonly string[] | undefined
}

/** A table that is there, and that fits. */
export interface CheckedTable {
  readonly layout: TableLayout
  /** Those of the mapping that the table has: all, but for optional ones. */
  readonly columns: readonly Column[]
  /** The type of each of the table's columns. */
  readonly types: ReadonlyMap<string, ColumnType>
}

/** `by day` and `hypertable` are of our making: their partitions are ours to add and to drop. */
export type TableLayout = 'plain' | 'by day' | 'hypertable' | 'foreign partitions'

/** Another session has made the same schema, table or index at the same time. */
const MADE_MEANWHILE: ReadonlySet<string> = new Set(['23505', '42P06', '42P07', '42710'])

/** @throws DatabaseError of kind `configuration` when the table is missing or does not fit */
export async function prepareTable(database: Database, options: TableOptions): Promise<CheckedTable> {
  try {
    return await describeOrCreate(database, options)
  } catch (error) {
    if (!(error instanceof DatabaseError) || !MADE_MEANWHILE.has(error.sqlState)) throw error
    return describeOrCreate(database, options)
  }
}

async function describeOrCreate(database: Database, options: TableOptions): Promise<CheckedTable> {
  const { table, create } = options
  return database.transaction(`preparing the table "${table.table}"`, async (client) => {
    let found = await describeTable(client, table)
    if (found === undefined && create) {
      await lockDefinitions(client)
      found = await describeTable(client, table)
      if (found === undefined) {
        await createWanted(client, options)
        found = await describeTable(client, table)
      }
    }
    return checkTable(client, options, found)
  })
}

/** The table is missing. @returns how it is laid out */
export async function createWanted(client: ClientBase, options: TableOptions): Promise<NewTable['layout']> {
  const wanted = newTable(options, mayBeHypertable(options) && (await enableTimescale(client)))
  if (wanted.layout !== 'plain') assertKeyHasTime(wanted)
  if (options.createSchema === true) await createSchema(client, options.table.schema)
  await createTable(client, wanted)
  return wanted.layout
}

/** A table that is there: refuses one that does not fit, and closes it to readers of other tenants. */
export async function checkTable(
  client: ClientBase,
  { table, columns, key, reader }: TableOptions,
  found: TableDescription | undefined,
): Promise<CheckedTable> {
  if (found === undefined) throw missingTable(table)
  const types = found.columns
  const missing = columns.filter(({ name, optional }) => !optional && !types.has(name))
  if (missing.length > 0) {
    throw missingColumns(
      table,
      missing.map(({ name }) => name),
    )
  }
  const { generated } = found
  const computed = columns.find(({ name, optional }) => !optional && generated.has(name))
  if (computed !== undefined) throw generatedColumn(table, computed.name)
  if (found.hypertable && key !== undefined) {
    const version = await timescaleVersion(client)
    if (version !== undefined && losesRowsAfterConflict(version)) throw conflictLoss(table, version)
  }
  assertUsable(table, columns, types)
  if (reader !== undefined) {
    if (found.hypertable) throw chunksAreOpen(table, reader.role)
    await protectRows(client, table, reader.tenantColumn, reader.role)
  }
  const used = columns.filter(({ name }) => types.has(name) && !generated.has(name))
  return { layout: layoutOf(found), columns: used, types }
}

function layoutOf({ ours, partitioned, hypertable }: TableDescription): TableLayout {
  if (!ours) return partitioned || hypertable ? 'foreign partitions' : 'plain'
  if (hypertable) return 'hypertable'
  return partitioned ? 'by day' : 'plain'
}

/**
 * TimescaleDB hands the right to select on to each chunk, and not the policy: a reader would see the rows of all
 * tenants in `_timescaledb_internal`. So a table with readers has partitions by day, whatever the server offers.
 */
export function mayBeHypertable({ reader }: Pick<TableOptions, 'reader'>): boolean {
  return reader === undefined
}

function newTable({ table, columns, key }: TableOptions, timescale: boolean): NewTable {
  const timeColumn = columns.find(({ source }) => source.kind === 'time')?.name
  const columnOf = (...path: PropertyPath): string | undefined =>
    columns.find(({ source }) => source.kind === 'property' && source.path.join('.') === path.join('.'))?.name
  const [tenant, project] = [columnOf('tenant'), columnOf('project')]
  const indexes: string[][] = []
  if (timeColumn !== undefined && tenant !== undefined) {
    indexes.push([tenant])
    if (project !== undefined) indexes.push([tenant, project])
  }
  const layout = timeColumn === undefined ? 'plain' : timescale ? 'hypertable' : 'by day'
  return { table, columns, timeColumn, layout, indexes, key }
}

function assertKeyHasTime({ key, timeColumn }: NewTable): void {
  if (key === undefined || timeColumn === undefined || key.includes(timeColumn)) return
  const text = `the table is cut by "${timeColumn}", so the key has to contain that column; add it to the key, or create the table yourself`
  throw new DatabaseError(
    'configuration',
    '0A000',
    text,
    phrase('postgresKeyWithoutTime', { column: timeColumn }),
  )
}

/** Columns that would change values silently. */
function assertUsable(
  { schema, table }: TableName,
  columns: readonly Column[],
  types: ReadonlyMap<string, ColumnType>,
): void {
  for (const column of columns) {
    const type = types.get(column.name)
    const why = type && whyUnusable(column, type)
    if (why === undefined) continue
    const text = `the column "${column.name}" of "${schema}"."${table}" ${why}`
    throw new DatabaseError('configuration', '42804', text, phrase('postgresTypeOf', { column: column.name }))
  }
}

function missingTable({ schema, table }: TableName): DatabaseError {
  const text = `there is no table "${schema}"."${table}"; create it, or let the sink create it`
  return new DatabaseError('configuration', '42P01', text, phrase('tableMissing', { table }))
}

function chunksAreOpen({ schema, table }: TableName, role: string): DatabaseError {
  const text =
    `"${schema}"."${table}" is a hypertable of TimescaleDB, in whose chunks the role "${role}" would see the rows of ` +
    'all tenants: a chunk has the rights of the table and not its row-level security. Give the sink the name of a new ' +
    `table, which it makes with partitions by day, or leave "Readers' role" empty; and revoke what the role has been ` +
    `granted: revoke select on "${schema}"."${table}" from "${role}"`
  return new DatabaseError('configuration', '0A000', text, 'postgresReadersHypertable')
}

function missingColumns({ schema, table }: TableName, names: readonly string[]): DatabaseError {
  const list = names.map((name) => `"${name}"`).join(', ')
  const text = `the table "${schema}"."${table}" has no column ${list}; add it, or change the sink's columns`
  return new DatabaseError(
    'configuration',
    '42703',
    text,
    phrase('postgresColumnMissing', { column: names[0] ?? '' }),
  )
}

function generatedColumn({ schema, table }: TableName, name: string): DatabaseError {
  const text =
    `PostgreSQL computes the column "${name}" of "${schema}"."${table}" itself (generated always as … stored or virtual) ` +
    "and takes no value for it; remove it from the sink's columns"
  return new DatabaseError(
    'configuration',
    '428C9',
    text,
    phrase('postgresColumnGenerated', { column: name }),
  )
}
