/** The schemas and tables of a database that a user could mean. */
import type { Database } from '../connect/database'
import type { TableName } from '../connect/identifiers'

export interface ExistingTables {
  readonly schemas: readonly string[]
  readonly tables: readonly TableName[]
}

/** A dialog shows a few of them, by what is typed. */
const MAX_NAMES = 2_000

/** Without what belongs to PostgreSQL or to TimescaleDB, and without partitions. @throws DatabaseError */
export function listTables(database: Database): Promise<ExistingTables> {
  return database.withClient('listing the tables', async (client) => {
    const { rows: schemas } = await client.query<{ name: string }>(`\
select nspname as name from pg_namespace
 where ${OF_USERS} and has_schema_privilege(oid, 'usage')
 order by 1 limit ${MAX_NAMES}`)
    const { rows: tables } = await client.query<TableName>(`\
select nspname as schema, relname as table
  from pg_class as class
  join pg_namespace as namespace on namespace.oid = class.relnamespace
 where ${OF_USERS} and class.relkind in ('r', 'p', 'f') and not class.relispartition
   and has_schema_privilege(namespace.oid, 'usage')
 order by 1, 2 limit ${MAX_NAMES}`)
    return { schemas: schemas.map(({ name }) => name), tables }
  })
}

const OF_USERS = `nspname !~ '^(pg_|information_schema$|_?timescaledb)'`
