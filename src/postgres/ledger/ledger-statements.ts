/**
 * All SQL of the ledger: its table and its audit, how the position of a sink is read and moved, what a consumer asks, and
 * how the positions of sinks that no longer exist are shown and removed.
 *
 * The file is long because the statements of one table are read together.
 *
 * `next_offset` is the position. How the offsets from `first_offset` up to it ended is counted beside it, see
 * `passed-offsets.ts`; a consumer's own position (`sink = ''`) counts nothing.
 */
import type { ClientBase } from 'pg'
import type { GroupQuery, PositionQuery, SettledOffset } from '../../wire/positions'
import { DatabaseError } from '../connect/database-error'
import { auditView, literal, qualified, type TableName } from '../connect/identifiers'
import type { PassedOffsets } from './passed-offsets'
import { CONSUMER, type LedgerKey } from './position'

// ---- the table and its audit -----------------------------------------------------------------------------

const COUNT = 'bigint not null default 0'

/**
 * What the first ledgers did not have: the counts, the table that the sink writes to, and the time of the record before a
 * consumer's position, in milliseconds since 1970.
 */
const ADDED_COLUMNS = Object.entries({
  first_offset: 'bigint',
  stored_rows: COUNT,
  dead_letters: COUNT,
  filtered: COUNT,
  added: COUNT,
  target: 'text',
  last_timestamp: 'bigint',
})

/** Half of each page stays free, so that a moved position is written beside its old value. */
export async function createLedger(client: ClientBase, ledger: TableName): Promise<void> {
  await client.query(`
create table if not exists ${qualified(ledger)} (
  consumer_group text not null,
  sink           text not null,
  cluster_id     text not null,
  topic          text not null,
  "partition"    integer not null,
  next_offset    bigint not null,
  updated_at     timestamptz not null default now(),
  ${ADDED_COLUMNS.map(([name, type]) => `${name} ${type}`).join(',\n  ')},
  primary key (consumer_group, sink, cluster_id, topic, "partition")
) with (fillfactor = 50)`)
}

/** In a ledger that has positions already, counting begins where each of them is. */
export async function addLedgerColumns(client: ClientBase, ledger: TableName): Promise<void> {
  const added = ADDED_COLUMNS.map(([name, type]) => `add column if not exists ${name} ${type}`)
  await client.query(`alter table ${qualified(ledger)} ${added.join(', ')}`)
  await client.query(`update ${qualified(ledger)} set first_offset = next_offset where first_offset is null`)
}

export interface LedgerDescription {
  /** Columns that an older ledger does not have. */
  readonly missingColumns: readonly string[]
  readonly hasAudit: boolean
}

/** `undefined` when there is no such table. */
export async function describeLedger(
  client: ClientBase,
  ledger: TableName,
): Promise<LedgerDescription | undefined> {
  const { rows } = await client.query<LedgerDescription>(
    `\
select array(select name from unnest($2::text[]) as name
              where name not in (select attname from pg_attribute
                                  where attrelid = to_regclass($1) and not attisdropped)) as "missingColumns",
       to_regclass($3) is not null as "hasAudit"
 where to_regclass($1) is not null`,
    [qualified(ledger), ADDED_COLUMNS.map(([name]) => name), qualified(auditView(ledger))],
  )
  return rows[0]
}

/**
 * One line for each position: what was passed, and its outcome. `unaccounted` is 0 when nothing is missing and
 * nothing there twice; it is NULL while an older version of this package writes without counting.
 */
export async function createAuditView(client: ClientBase, ledger: TableName): Promise<void> {
  await client.query(`
create or replace view ${qualified(auditView(ledger))} as
select consumer_group, sink, cluster_id, topic, "partition", first_offset, next_offset,
       next_offset - first_offset as advanced,
       stored_rows, dead_letters, filtered, added,
       next_offset - first_offset + added - stored_rows - dead_letters - filtered as unaccounted,
       updated_at
  from ${qualified(ledger)}
 where sink <> ''`)
}

// ---- the position of a sink ------------------------------------------------------------------------------

/** The first parameters of every statement about one partition. */
const IN_PARTITION = 'consumer_group = $1 and cluster_id = $2 and topic = $3 and "partition" = $4'

function partitionValues({ group, clusterId, topic, partition }: PositionQuery): unknown[] {
  return [group, clusterId, topic, partition]
}

export interface StoredPosition {
  readonly sink: string
  readonly nextOffset: number
  /** `null` in a row of an older version. */
  readonly target: string | null
}

/** The sink's row, and those under a name that it had before. */
export async function readPosition(
  client: ClientBase,
  ledger: TableName,
  key: LedgerKey,
): Promise<StoredPosition[]> {
  const { rows } = await client.query<StoredPosition>(
    `\
select sink, next_offset::float8 as "nextOffset", target
  from ${qualified(ledger)} where ${IN_PARTITION} and sink = any ($5)`,
    [...partitionValues(key), namesOf(key)],
  )
  return rows
}

/**
 * Gives a sink the position that it had under former names: the largest of all that are there, with its counts. In a
 * transaction, under the lock of definitions.
 */
export async function adoptPosition(client: ClientBase, ledger: TableName, key: LedgerKey): Promise<void> {
  const name = qualified(ledger)
  const values = [...partitionValues(key), namesOf(key), key.sink]
  await client.query(
    `\
delete from ${name}
 where ${IN_PARTITION} and sink = any ($5)
   and sink <> (select sink from ${name} where ${IN_PARTITION} and sink = any ($5)
                 order by next_offset desc, sink = $6 desc limit 1)`,
    values,
  )
  await client.query(
    `update ${name} set sink = $6, target = coalesce(target, $7) where ${IN_PARTITION} and sink = any ($5) and sink <> $6`,
    [...values, key.target],
  )
}

function namesOf({ sink, formerNames = [] }: LedgerKey): string[] {
  return [sink, ...formerNames]
}

/**
 * The first position of a partition: it changes nothing when there is one already. A text without parameters, as that of
 * `movePosition`, so that it can be sent together with BEGIN.
 * @param from where counting begins
 */
export function insertPosition(
  ledger: TableName,
  { group, clusterId, topic, partition, sink, target }: LedgerKey,
  from: number,
  to: number,
  { rows, deadLetters, filtered, added }: PassedOffsets,
): string {
  const names = [group, clusterId, topic].map(literal).join(', ')
  return `\
insert into ${qualified(ledger)}
       (consumer_group, cluster_id, topic, "partition", sink, first_offset, next_offset,
        stored_rows, dead_letters, filtered, added, target)
values (${names}, ${partition}, ${literal(sink)}, ${from}, ${to},
        ${rows}, ${deadLetters}, ${filtered}, ${added}, ${literal(target)})
on conflict (consumer_group, sink, cluster_id, topic, "partition") do nothing`
}

/**
 * Compare and set: an owner that has lost the partition without knowing it updates nothing, and neither does a sink that
 * writes to another table.
 */
export function movePosition(
  ledger: TableName,
  { group, clusterId, topic, partition, sink, target }: LedgerKey,
  from: number,
  to: number,
  { rows, deadLetters, filtered, added }: PassedOffsets,
): string {
  return `\
update ${qualified(ledger)}
   set next_offset = ${to}, updated_at = now(), stored_rows = stored_rows + ${rows},
       dead_letters = dead_letters + ${deadLetters}, filtered = filtered + ${filtered}, added = added + ${added},
       target = coalesce(${literal(target)}, target)
 where consumer_group = ${literal(group)} and cluster_id = ${literal(clusterId)} and topic = ${literal(topic)}
   and "partition" = ${partition} and sink = ${literal(sink)} and next_offset = ${from}
   and (target is null or target = coalesce(${literal(target)}, target))`
}

/** After the rows: some were refused, or did not reach the table. The numbers are added, and may be below 0. */
export async function correctCounts(
  client: ClientBase,
  ledger: TableName,
  key: LedgerKey,
  rows: number,
  deadLetters: number,
): Promise<void> {
  await client.query(
    `\
update ${qualified(ledger)} set stored_rows = stored_rows + $6, dead_letters = dead_letters + $7
 where ${IN_PARTITION} and sink = $5`,
    [...partitionValues(key), key.sink, rows, deadLetters],
  )
}

// ---- what a consumer asks --------------------------------------------------------------------------------

export interface Position {
  readonly nextOffset: number
  /** Of the record before it, where the consumer has noted it. */
  readonly lastTimestamp: number | null
}

/**
 * All positions in a partition, by the name of the sink. A standby may lag behind what was committed, so its answer is
 * not used.
 */
export async function knownPositions(
  client: ClientBase,
  ledger: TableName,
  query: PositionQuery,
): Promise<Map<string, Position>> {
  const { rows } = await client.query<{ sink: string | null; standby: boolean } & Position>(
    `\
select sink, next_offset::float8 as "nextOffset", last_timestamp::float8 as "lastTimestamp", standby
  from (select pg_is_in_recovery() as standby) as server
  left join ${qualified(ledger)} on ${IN_PARTITION}`,
    partitionValues(query),
  )
  if (rows[0]?.standby === true) {
    const text = 'the ledger was read from a standby, which may be behind; waiting for the primary server'
    throw new DatabaseError('transient', 'STANDBY', text, 'postgresStandby')
  }
  return new Map(rows.flatMap(({ sink, ...position }) => (sink === null ? [] : [[sink, position]])))
}

/** The consumer's own position, unless it has one. */
export async function beginPartition(
  client: ClientBase,
  ledger: TableName,
  query: PositionQuery,
  offset: number,
): Promise<void> {
  const nothing = { rows: 0, deadLetters: 0, filtered: 0, added: 0 }
  await client.query(insertPosition(ledger, { ...query, sink: CONSUMER }, offset, offset, nothing))
}

export interface SinkPosition extends Omit<SettledOffset, 'lastTimestamp'> {
  readonly sink: string
}

/** All positions in these partitions, the consumer's own among them. */
export async function readPartitions(
  client: ClientBase,
  ledger: TableName,
  { group, clusterId }: GroupQuery,
  partitions: readonly SettledOffset[],
): Promise<SinkPosition[]> {
  const { rows } = await client.query<SinkPosition>(
    `\
select sink, topic, "partition", next_offset::float8 as "offset"
  from ${qualified(ledger)}
 where consumer_group = $1 and cluster_id = $2
   and (topic, "partition") in (select * from unnest($3::text[], $4::integer[]))`,
    [group, clusterId, partitions.map(({ topic }) => topic), partitions.map(({ partition }) => partition)],
  )
  return rows
}

/** Moves the consumer's own positions forward. They count nothing, so counting begins where they are. */
export async function settlePartitions(
  client: ClientBase,
  ledger: TableName,
  { group, clusterId }: GroupQuery,
  settled: readonly SettledOffset[],
): Promise<void> {
  await client.query(
    `\
update ${qualified(ledger)} as own
   set next_offset = settled."offset", first_offset = settled."offset", last_timestamp = settled.last_timestamp,
       updated_at = now()
  from unnest($4::text[], $5::integer[], $6::bigint[], $7::bigint[])
       as settled (topic, "partition", "offset", last_timestamp)
 where own.consumer_group = $1 and own.sink = $2 and own.cluster_id = $3
   and own.topic = settled.topic and own."partition" = settled."partition" and own.next_offset < settled."offset"`,
    [
      group,
      CONSUMER,
      clusterId,
      settled.map(({ topic }) => topic),
      settled.map(({ partition }) => partition),
      settled.map(({ offset }) => offset),
      settled.map(({ lastTimestamp }) => lastTimestamp ?? null),
    ],
  )
}

/**
 * Sets the positions that Kafka's log or the operator has made void, and lets them count from there on: nothing is known of
 * the offsets between. A sink that is not deployed keeps what it has still to read.
 * @param sinks those that are deployed now
 * @param end one after the last offset of the partition; every position after it is void
 * @returns the sinks whose position it was
 */
export async function releasePositions(
  client: ClientBase,
  ledger: TableName,
  query: PositionQuery,
  sinks: readonly string[],
  offset: number,
  end: number,
): Promise<string[]> {
  const { rows } = await client.query<{ sink: string }>(
    `\
update ${qualified(ledger)}
   set next_offset = $6, first_offset = $6, stored_rows = 0, dead_letters = 0, filtered = 0, added = 0,
       last_timestamp = null, updated_at = now()
 where ${IN_PARTITION} and (next_offset < $6 and sink = any ($5) or next_offset > $7)
returning sink`,
    [...partitionValues(query), sinks, offset, end],
  )
  return rows.map(({ sink }) => sink)
}

// ---- positions of sinks that no longer exist -------------------------------------------------------------

/** The positions of a sink in one Kafka topic. */
export interface TopicPositions {
  /** The sink's name in the ledger. */
  readonly sink: string
  readonly group: string
  readonly clusterId: string
  readonly topic: string
  readonly partitions: readonly number[]
  /** As PostgreSQL writes it, to the microsecond: a removal repeats what was shown. */
  readonly lastMoved: string
}

/** Of the sinks; a consumer's own position is no use without its group, and does no harm. */
export async function listPositions(client: ClientBase, ledger: TableName): Promise<TopicPositions[]> {
  const { rows } = await client.query<TopicPositions>(`\
select sink, consumer_group as "group", cluster_id as "clusterId", topic,
       array_agg("partition" order by "partition") as partitions, max(updated_at)::text as "lastMoved"
  from ${qualified(ledger)}
 where sink <> ''
 group by sink, consumer_group, cluster_id, topic
 order by sink, consumer_group, topic, cluster_id`)
  return rows
}

/** Compare and delete: nothing when one of them has moved since. @returns how many */
export async function deletePositions(
  client: ClientBase,
  ledger: TableName,
  { sink, group, clusterId, topic, lastMoved }: Omit<TopicPositions, 'partitions'>,
): Promise<number> {
  const where = 'sink = $1 and consumer_group = $2 and cluster_id = $3 and topic = $4'
  const { rowCount } = await client.query(
    `\
with shown as (select updated_at from ${qualified(ledger)} where ${where} for update)
delete from ${qualified(ledger)}
 where ${where} and (select max(updated_at) from shown) = $5::timestamptz`,
    [sink, group, clusterId, topic, lastMoved],
  )
  return rowCount ?? 0
}
