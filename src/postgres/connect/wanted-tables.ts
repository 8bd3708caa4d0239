/** Which tables a flow uses, what it does to them, and whether the user of a connection may do that. */
import type { ClientBase } from 'pg'
import type { TableName } from './identifiers'

export interface WantedTable extends TableName {
  /** It is created when it is missing, in a schema that has to be there. */
  readonly create: boolean
  readonly rights: readonly Right[]
}

export type Right = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE'

export type TableFinding =
  | 'tableReady'
  | 'willBeCreated'
  | 'tableMissing'
  | 'schemaMissing'
  | 'mayNotCreate'
  | 'mayNotUse'
  | 'notOwner'

interface Found {
  readonly hasSchema: boolean
  readonly mayUse: boolean
  readonly mayCreate: boolean
  readonly isThere: boolean
  readonly isPartitioned: boolean
  readonly isOwner: boolean
  readonly rights: readonly Right[]
}

/** The catalogs can be read without any right on the schema. */
const TEXT = `\
select n.oid is not null as "hasSchema",
       coalesce(has_schema_privilege(n.oid, 'usage'), false) as "mayUse",
       coalesce(has_schema_privilege(n.oid, 'create'), false) as "mayCreate",
       c.oid is not null as "isThere",
       coalesce(c.relkind = 'p', false) as "isPartitioned",
       coalesce(pg_has_role(c.relowner, 'usage'), false) as "isOwner",
       array(select r from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as r
              where has_table_privilege(c.oid, r)) as rights
  from unnest($1::text[], $2::text[]) with ordinality as w(schema, name, nr)
  left join pg_namespace n on n.nspname = w.schema
  left join pg_class c on c.relnamespace = n.oid and c.relname = w.name
 order by w.nr`

/** In the order of the tables. @throws what the query throws */
export async function findTables(
  client: ClientBase,
  wanted: readonly WantedTable[],
): Promise<readonly { readonly finding: TableFinding; readonly missing: readonly Right[] }[]> {
  const values = [wanted.map(({ schema }) => schema), wanted.map(({ table }) => table)]
  const { rows } = await client.query<Found>(TEXT, values)
  return wanted.map(({ create, rights }, index) => {
    const found = rows[index] as Found
    const missing = rights.filter((right) => !found.rights.includes(right))
    return { finding: findingOf(found, create, missing), missing }
  })
}

export async function mayCreateSchemas(client: ClientBase): Promise<boolean> {
  const text = `select has_database_privilege(current_database(), 'create') as may`
  const { rows } = await client.query<{ may: boolean }>(text)
  return rows[0]?.may === true
}

function findingOf(found: Found, create: boolean, missing: readonly Right[]): TableFinding {
  const { hasSchema, mayUse, mayCreate, isThere, isPartitioned, isOwner } = found
  if (isThere) {
    if (!mayUse || missing.length > 0) return 'mayNotUse'
    // Partitions are added, and dropped, by the owner alone.
    return create && isPartitioned && !isOwner ? 'notOwner' : 'tableReady'
  }
  if (!hasSchema) return 'schemaMissing'
  if (!create) return 'tableMissing'
  return mayUse && mayCreate ? 'willBeCreated' : 'mayNotCreate'
}
