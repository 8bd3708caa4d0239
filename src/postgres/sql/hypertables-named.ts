import type { ClientBase } from 'pg'

/**
 * Where TimescaleDB says which tables it cuts. Its triggers are no sign: 2.23 has taken the one away that all had. The
 * view has those cut by time; the table below it all of them.
 */
const CATALOGUES = [
  { relation: 'timescaledb_information.hypertables', schema: 'hypertable_schema', name: 'hypertable_name' },
  { relation: '_timescaledb_catalog.hypertable', schema: 'schema_name', name: 'table_name' },
] as const

/** The schemas in which a table of this name is a hypertable; none where the database has no TimescaleDB. */
export async function hypertablesNamed(client: ClientBase, table: string): Promise<ReadonlySet<string>> {
  const schemas = new Set<string>()
  for (const { relation, schema, name } of CATALOGUES) {
    const { rowCount } = await client.query('select where to_regclass($1) is not null', [relation])
    if (rowCount === 0) continue
    const { rows } = await client.query<{ schema: string }>(
      `select ${schema}::text as schema from ${relation} where ${name} = $1`,
      [table],
    )
    for (const found of rows) schemas.add(found.schema)
  }
  return schemas
}
