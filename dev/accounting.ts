/**
 * Compares what the broker acknowledged to the simulator with the rows in the table, message by message. Every
 * "nothing was lost" of `npm start` and of the fault tests comes from here.
 */
import { escapeIdentifier, escapeLiteral, type Client, type Pool } from 'pg'
import { acknowledgedIn, type LedgerSnapshot } from './simulator/ledger'

export interface Account {
  /** Acknowledged to the simulator. */
  readonly published: number
  /** Different messages (device and sequence number) of this run in the table. */
  readonly stored: number
  /** Rows beyond the first of a message. */
  readonly duplicates: number
  /** Acknowledged, and not in the table. */
  readonly missing: number
}

interface DeviceRows {
  readonly mqtt_topic: string
  readonly row_count: number
  readonly distinct_count: number
  /** Different ones among those that were not acknowledged. */
  readonly unacknowledged_count: number
}

/** Whether there is such a table; the flow creates it when the first message arrives. */
export async function tableExists(client: Client | Pool, table: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>('select to_regclass($1) is not null as there', [
    quoteTable(table),
  ])
  return rows[0]?.there ?? false
}

/**
 * A condition for the rows that came through one of these Kafka topics, since another flow may write to the same table; all
 * rows, when the table does not have the column of the default table.
 */
export async function cameThrough(
  client: Client | Pool,
  table: string,
  topics: readonly RegExp[],
): Promise<string> {
  const { rows } = await client.query(
    `select from pg_attribute where attrelid = to_regclass($1) and attname = 'kafka_topic'`,
    [quoteTable(table)],
  )
  if (rows.length === 0 || topics.length === 0) return 'true'
  return `kafka_topic ~ any(array[${topics.map(({ source }) => escapeLiteral(source)).join(', ')}])`
}

/** A table's name as it is configured, `table` or `schema.table`, made safe for SQL. */
export function quoteTable(name: string): string {
  return name.split('.').map(escapeIdentifier).join('.')
}

/**
 * @param table a table with the columns `mqtt_topic`, `payload` (jsonb or text that is JSON) and `created_at`
 * @param since only rows written since then are looked at
 * @param topics only rows that came through one of these Kafka topics; all, when there are none
 */
export async function accountFor(
  ledger: LedgerSnapshot,
  {
    client,
    table,
    since,
    topics = [],
  }: { client: Client | Pool; table: string; since: Date; topics?: readonly RegExp[] },
): Promise<Account> {
  const published = acknowledgedIn(ledger)
  if (!(await tableExists(client, table))) return { published, stored: 0, duplicates: 0, missing: published }
  const open = Object.entries(ledger.devices).flatMap(([topic, { unacknowledged }]) =>
    unacknowledged.map((seq) => ({ topic, seq })),
  )
  const { rows } = await client.query<DeviceRows>(
    `select mqtt_topic, count(*)::int as row_count, count(distinct seq)::int as distinct_count,
            count(distinct seq) filter (
              where (mqtt_topic, seq) in (select * from unnest($2::text[], $3::bigint[]))
            )::int as unacknowledged_count
     from (
       select mqtt_topic, (payload::jsonb->>'seq')::bigint as seq
       from ${quoteTable(table)}
       where created_at >= $4 and mqtt_topic = any($5) and payload::jsonb->>'run' = $1
         and ${await cameThrough(client, table, topics)}
     ) as mine
     group by mqtt_topic`,
    [
      ledger.runId,
      open.map(({ topic }) => topic),
      open.map(({ seq }) => seq),
      since,
      Object.keys(ledger.devices),
    ],
  )
  const stored = sum(rows, (row) => row.distinct_count)
  return {
    published,
    stored,
    duplicates: sum(rows, (row) => row.row_count) - stored,
    missing: published - (stored - sum(rows, (row) => row.unacknowledged_count)),
  }
}

function sum(rows: readonly DeviceRows[], of: (row: DeviceRows) => number): number {
  return rows.reduce((total, row) => total + of(row), 0)
}
