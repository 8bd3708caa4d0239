/** All SQL that compares the ledger with the tables; it only reads. */
import type { ClientBase } from 'pg'
import { auditView, qualified, type TableName } from '../connect/identifiers'

/** A sink's position in one partition, and how the offsets before it ended; see docs/audit.md. */
export interface LedgerLine {
  readonly group: string
  /** Empty: the position of the consumer itself, which counts nothing. */
  readonly sink: string
  readonly clusterId: string
  readonly topic: string
  readonly partition: number
  readonly firstOffset: number
  readonly nextOffset: number
  readonly storedRows: number
  readonly deadLetters: number
  readonly filtered: number
  readonly added: number
  /** 0 when everything adds up; `null` while an older version of this package writes without counting. */
  readonly unaccounted: number | null
  /** `schema.table`, with the template of the schema where each tenant has its own; `null` in a row of an older version. */
  readonly target: string | null
  readonly movedAt: Date
}

const COUNTS = ['first_offset', 'next_offset', 'stored_rows', 'dead_letters', 'filtered', 'added'] as const

export async function readLedger(client: ClientBase, ledger: TableName): Promise<LedgerLine[]> {
  const { rows } = await client.query<LedgerLine>(`\
select consumer_group as "group", sink, cluster_id as "clusterId", topic, "partition",
       ${COUNTS.map((name) => `ledger.${name}::float8 as "${camel(name)}"`).join(', ')},
       case when sink = '' then 0 else audit.unaccounted::float8 end as unaccounted, target, ledger.updated_at as "movedAt"
  from ${qualified(ledger)} as ledger
  left join ${qualified(auditView(ledger))} as audit using (consumer_group, sink, cluster_id, topic, "partition")
 order by consumer_group, sink, cluster_id, topic, "partition"`)
  return rows
}

const camel = (name: string): string =>
  name.replace(/_(\w)/g, (_match, letter: string) => letter.toUpperCase())

/** What a table has of the offsets that a line of the ledger has counted. */
export interface CountedRows {
  readonly rows: number
  /** Different offsets. */
  readonly positions: number
}

/** Columns that a table needs for it. */
export const POSITION_COLUMNS = ['kafka_topic', 'kafka_partition', 'kafka_offset'] as const

export async function countRows(
  client: ClientBase,
  table: TableName,
  line: LedgerLine,
): Promise<CountedRows> {
  const { topic, partition, firstOffset, nextOffset } = line
  const { rows } = await client.query<CountedRows>(
    `\
select count(*)::float8 as rows, count(distinct kafka_offset)::float8 as positions
  from ${qualified(table)}
 where kafka_topic = $1 and kafka_partition = $2 and kafka_offset >= $3 and kafka_offset < $4`,
    [topic, partition, firstOffset, nextOffset],
  )
  return rows[0] as CountedRows
}
