import type { ClientBase } from 'pg'
import { qualified, quoted, type TableName } from '../identifiers'

/** For the chunks that are made from now on. */
export async function setChunkHours(client: ClientBase, table: TableName, hours: number): Promise<void> {
  await client.query('select set_chunk_time_interval($1::regclass, make_interval(hours => $2::int))', [
    qualified(table),
    hours,
  ])
}

/** @param segmentBy the column whose rows lie together in a compressed chunk; `undefined`: none */
export async function allowCompression(
  client: ClientBase,
  table: TableName,
  timeColumn: string,
  segmentBy: string | undefined,
): Promise<void> {
  const segment = segmentBy === undefined ? '' : `, timescaledb.compress_segmentby = '${quoted(segmentBy)}'`
  await client.query(
    `alter table ${qualified(table)} set
       (timescaledb.compress, timescaledb.compress_orderby = '${quoted(timeColumn)} desc'${segment})`,
  )
}

/** Replaces the policy. @param days 0: chunks are left as they are */
export async function setCompression(client: ClientBase, table: TableName, days: number): Promise<void> {
  await client.query('select remove_compression_policy($1::regclass, if_exists => true)', [qualified(table)])
  if (days === 0) return
  await client.query('select add_compression_policy($1::regclass, make_interval(days => $2::int))', [
    qualified(table),
    days,
  ])
}

/** Replaces the policy, which TimescaleDB then looks at once an hour. @param days 0: nothing is dropped */
export async function setRetention(client: ClientBase, table: TableName, days: number): Promise<void> {
  await client.query('select remove_retention_policy($1::regclass, if_exists => true)', [qualified(table)])
  if (days === 0) return
  await client.query(
    `select add_retention_policy($1::regclass, make_interval(days => $2::int), schedule_interval => interval '1 hour')`,
    [qualified(table), days],
  )
}
