/** The tables that the nodes of a flow use through one PostgreSQL configuration. */
import { textOr, usersOf, type FlowConfig } from '../../delivery/flow/flow-walk'
import type { FlowEntry } from '../../runtime/subflows'
import { chosenWindows, tableOf } from '../rollup/windows'
import { IDENTIFIER } from './name-option'
import type { Right, WantedTable } from './wanted-tables'

export interface FlowTables {
  readonly tables: readonly WantedTable[]
  /** Some sink creates a schema for each tenant. */
  readonly createsSchemas: boolean
}

const WRITES: readonly Right[] = ['SELECT', 'INSERT']
/** Replayed dead letters are marked, and windows change. */
const UPDATES: readonly Right[] = ['SELECT', 'INSERT', 'UPDATE']

/** @param id of the configuration */
export function flowTables(flow: readonly FlowEntry[], id: string): FlowTables {
  const users = usersOf(flow as readonly FlowConfig[], 'database', id)
  const tables = users.flatMap(tablesOf).filter(({ schema, table }) => [schema, table].every(isName))
  return {
    tables: joined(tables),
    createsSchemas: users.some(
      ({ type, tenancy }) => type === 'tenant-postgres-sink' && tenancy === 'schema',
    ),
  }
}

function tablesOf(user: FlowConfig): WantedTable[] {
  const { type, schema, table } = user
  const named = (name: unknown, byDefault: string, rights: readonly Right[]): WantedTable => ({
    schema: textOr(schema, 'public'),
    table: textOr(name, byDefault),
    create: user.createTable !== false,
    rights,
  })
  switch (type) {
    case 'tenant-postgres-sink': {
      // The tables of tenants are in schemas that only messages name.
      const rows = user.tenancy === 'schema' ? [] : [named(table, 'iot_messages', WRITES)]
      const hasLetters = (user.deadLetters ?? 'table') === 'table'
      return [...rows, ...(hasLetters ? [named(user.deadLetterTable, 'iot_dead_letters', WRITES)] : [])]
    }
    case 'tenant-rollup': {
      const base = { schema: textOr(schema, 'public'), table: textOr(table, 'iot_rollup') }
      const windows = chosenWindows(user).map((name) => named(tableOf(base, name).table, '', UPDATES))
      return [...windows, named(user.deadLetterTable, 'iot_dead_letters', WRITES)]
    }
    case 'tenant-postgres-apply':
      // What its statement needs, only PostgreSQL knows.
      return (user.deadLetters ?? 'table') === 'table'
        ? [named(user.deadLetterTable, 'iot_dead_letters', WRITES)]
        : []
    case 'tenant-dead-letter':
      return user.target === 'table' ? [named(table, 'iot_dead_letters', WRITES)] : []
    case 'tenant-dead-letter-source':
      return [named(table, 'iot_dead_letters', UPDATES)]
    default:
      return []
  }
}

/** Several nodes may use the same table. */
function joined(tables: readonly WantedTable[]): WantedTable[] {
  const byName = new Map<string, WantedTable>()
  for (const table of tables) {
    const name = `${table.schema}.${table.table}`
    const { create = false, rights = [] } = byName.get(name) ?? {}
    byName.set(name, {
      ...table,
      create: table.create || create,
      rights: [...new Set([...rights, ...table.rights])],
    })
  }
  return [...byName.values()]
}

/** One from an environment variable is not known here. */
const isName = (text: string): boolean => IDENTIFIER.test(text)
