import type { ClientBase } from 'pg'
import { qualified, quoted, type TableName } from '../identifiers'

export interface NewTable {
  readonly table: TableName
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  /** The column with the row's instant; without one the table has no partitions. */
  readonly timeColumn: string | undefined
  /** `by day`: partitions of our own; `hypertable`: TimescaleDB cuts the table. */
  readonly layout: 'plain' | 'by day' | 'hypertable'
  /** Columns of indexes, each followed by the time, newest first. */
  readonly indexes: readonly (readonly string[])[]
  /** Columns of the unique index that the staged writer needs. */
  readonly key: readonly string[] | undefined
}

/** The table's comment: how a table of ours is told from one that was there before. */
export const OURS = 'created by tenant-postgres-sink, which adds and drops its partitions'

/** No primary key over time, tenant and project: two messages of a project in the same instant are both kept. */
export async function createTable(client: ClientBase, wanted: NewTable): Promise<void> {
  const { table, columns, timeColumn, layout, indexes, key } = wanted
  const lines = columns.map(({ name, type }) => `${quoted(name)} ${type}`)
  if (!columns.some(({ name }) => name === 'created_at')) {
    lines.push('created_at timestamptz not null default now()')
  }
  const partitions = layout === 'by day' ? ` partition by range (${quoted(timeColumn as string)})` : ''
  await client.query(`create table ${qualified(table)} (\n  ${lines.join(',\n  ')}\n)${partitions}`)
  await client.query(`comment on table ${qualified(table)} is '${OURS}'`)
  if (layout === 'hypertable') {
    await client.query(
      `select create_hypertable($1::regclass, $2::name, chunk_time_interval => interval '1 day',
         create_default_indexes => false)`,
      [qualified(table), timeColumn],
    )
  }
  // PostgreSQL finds names that are free: a table of this name may have been here before, and be renamed with its indexes.
  for (const names of indexes) {
    const list = [...names.map(quoted), `${quoted(timeColumn as string)} desc`].join(', ')
    await client.query(`create index on ${qualified(table)} (${list})`)
  }
  if (key !== undefined) {
    await client.query(`create unique index on ${qualified(table)} (${key.map(quoted).join(', ')})`)
  }
}
