/** All SQL of replays: how dead letters are found, read and marked. */
import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../connect/identifiers'
import type { DeadLetterFilter } from './dead-letter-filter'

// ---- finding ---------------------------------------------------------------------------------------------

/** A dead letter that was found, and how much its payload takes. */
export interface FoundLetter {
  readonly id: string
  readonly bytes: number
}

/** Letters that a replay leaves alone, and why. */
export interface LeftLetters {
  /** They have failed as often as is allowed. */
  readonly spent: number
  /** Their payload is not the original: it was cut, or could not be written as bytes. */
  readonly incomplete: number
}

const MATCHES = `
   ($1::text is null or tenant_id = $1)
   and ($2::text is null or coalesce(code, reason) = $2)
   and ($3::timestamptz is null or failed_at >= $3)
   and ($4::timestamptz is null or failed_at < $4)`
const IS_INCOMPLETE = `(payload_is_cut or payload_encoding = 'inspect')`
const BYTES = `coalesce(octet_length(payload), 0) as bytes`

/** The oldest letters that can be sent again, in the order in which they failed. */
export async function findReplayable(
  client: ClientBase,
  table: TableName,
  filter: DeadLetterFilter,
  maxAttempts: number,
): Promise<FoundLetter[]> {
  const { rows } = await client.query<FoundLetter>(
    `\
select id, ${BYTES} from ${qualified(table)}
 where ${MATCHES}
   and replayed_at is null and coalesce(attempts, 1) < $5 and not ${IS_INCOMPLETE}
 order by failed_at, id limit $6`,
    [...valuesOf(filter), maxAttempts, filter.limit],
  )
  return rows
}

/** Letters that a replay would send, by the Kafka topic that they were read from, or were to go to. */
export interface TopicOfLetters {
  /** `null`: they had none. */
  readonly topic: string | null
  readonly count: number
}

/** Of the letters that `findReplayable` finds. */
export async function topicsOfReplayable(
  client: ClientBase,
  table: TableName,
  filter: DeadLetterFilter,
  maxAttempts: number,
): Promise<TopicOfLetters[]> {
  const ids = (await findReplayable(client, table, filter, maxAttempts)).map(({ id }) => id)
  const { rows } = await client.query<TopicOfLetters>(
    `select kafka_topic as topic, count(*)::float8 as count from ${qualified(table)} where id = any ($1::uuid[]) group by 1 order by 1`,
    [ids],
  )
  return rows
}

export async function countLeft(
  client: ClientBase,
  table: TableName,
  filter: DeadLetterFilter,
  maxAttempts: number,
): Promise<LeftLetters> {
  const { rows } = await client.query<LeftLetters>(
    `\
select count(*) filter (where coalesce(attempts, 1) >= $5)::float8 as spent,
       count(*) filter (where coalesce(attempts, 1) < $5 and ${IS_INCOMPLETE})::float8 as incomplete
  from ${qualified(table)}
 where ${MATCHES} and replayed_at is null`,
    [...valuesOf(filter), maxAttempts],
  )
  return rows[0] as LeftLetters
}

/** Newest first, replayed or not; one more than the limit, where there are more. */
export async function findNewest(
  client: ClientBase,
  table: TableName,
  filter: DeadLetterFilter,
): Promise<FoundLetter[]> {
  const name = qualified(table)
  const { rows } = await client.query<FoundLetter>(
    `\
select id, ${BYTES} from ${name}
 where ${MATCHES}
   and ($5::uuid is null or (failed_at, id) < (select failed_at, id from ${name} where id = $5))
 order by failed_at desc, id desc limit $6`,
    [...valuesOf(filter), filter.before ?? null, filter.limit + 1],
  )
  return rows
}

/** Letters of one reason and tenant, and the last of them. */
export interface GroupRow {
  readonly why: string
  readonly tenant_id: string | null
  readonly count: number
  readonly waiting: number
  readonly first_at: Date
  readonly last_at: Date
  readonly reason: string
  readonly mqtt_topic: string | null
  /** The beginning. */
  readonly payload: Buffer | null
  readonly payload_length: string
}

/** The groups with the most letters that wait to be replayed first. */
export async function groupLetters(
  client: ClientBase,
  table: TableName,
  filter: DeadLetterFilter,
  limit: number,
): Promise<GroupRow[]> {
  const { rows } = await client.query<GroupRow>(
    `\
select found.*, letter.reason, letter.mqtt_topic, substring(letter.payload from 1 for 2048) as payload, letter.payload_length
  from (select coalesce(code, reason) as why, tenant_id,
               count(*)::float8 as count, count(*) filter (where replayed_at is null)::float8 as waiting,
               min(failed_at) as first_at, max(failed_at) as last_at,
               (array_agg(id order by failed_at desc, id desc))[1] as last_id
          from ${qualified(table)} where ${MATCHES}
         group by 1, 2 order by waiting desc, last_at desc limit $5) as found
  join ${qualified(table)} as letter on letter.id = found.last_id
 order by waiting desc, last_at desc`,
    [...valuesOf(filter), limit],
  )
  return rows
}

function valuesOf({ tenant, reason, fromMs, toMs }: DeadLetterFilter): unknown[] {
  return [tenant ?? null, reason ?? null, timestamp(fromMs), timestamp(toMs)]
}

function timestamp(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}

// ---- reading ---------------------------------------------------------------------------------------------

/** A row of the table of dead letters, as the driver gives it. */
export interface DeadLetterRow {
  readonly id: string
  readonly failed_at: Date
  readonly reason: string
  readonly code: string | null
  readonly node_id: string | null
  readonly node_type: string | null
  readonly node_name: string | null
  readonly attempts: string | null
  readonly tenant_id: string | null
  readonly project_id: string | null
  readonly device_id: string | null
  readonly mqtt_topic: string | null
  readonly message_id: string | null
  readonly received_at: Date | null
  readonly kafka_cluster: string | null
  readonly kafka_topic: string | null
  readonly kafka_partition: string | null
  readonly kafka_offset: string | null
  readonly kafka_key: Buffer | null
  readonly headers: Readonly<Record<string, string | readonly string[]>> | null
  readonly payload: Buffer | null
  readonly payload_encoding: string
  readonly payload_length: string
  readonly payload_is_cut: boolean
  readonly replayed_at: Date | null
  readonly replay_outcome: string | null
}

/** The rows of these ids that are still there; in no order. */
export async function readDeadLetters(
  client: ClientBase,
  table: TableName,
  ids: readonly string[],
): Promise<DeadLetterRow[]> {
  const { rows } = await client.query<DeadLetterRow>(
    `select * from ${qualified(table)} where id = any ($1::uuid[])`,
    [ids],
  )
  return rows
}

// ---- marking ---------------------------------------------------------------------------------------------

/** How a replayed letter ended, and its id. */
export interface ReplayedLetter {
  readonly id: string
  readonly outcome: 'delivered' | 'filtered'
}

export async function markReplayed(
  client: ClientBase,
  table: TableName,
  letters: readonly ReplayedLetter[],
): Promise<void> {
  await client.query(
    `\
update ${qualified(table)} as letter set replayed_at = now(), replay_outcome = ended.outcome
  from unnest($1::uuid[], $2::text[]) as ended (id, outcome)
 where letter.id = ended.id and letter.replayed_at is null`,
    [letters.map(({ id }) => id), letters.map(({ outcome }) => outcome)],
  )
}

/** For letters that have failed again and stay as they are. */
export async function countAttempt(
  client: ClientBase,
  table: TableName,
  ids: readonly string[],
): Promise<void> {
  await client.query(
    `update ${qualified(table)} set attempts = coalesce(attempts, 1) + 1 where id = any ($1::uuid[])`,
    [ids],
  )
}

/**
 * A sink notes that it writes these letters.
 * @param sink its name; @param formerNames under which it may have noted some before
 * @returns the ids of those that it had written before, which must not be written again
 */
export async function noteWriting(
  client: ClientBase,
  table: TableName,
  ids: readonly string[],
  sink: string,
  formerNames: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows: noted } = await client.query<{ id: string }>(
    `\
update ${qualified(table)} set replayed_by = array_append(replayed_by, $2)
 where id = any ($1::uuid[]) and not coalesce(replayed_by, '{}') && $3::text[]
returning id`,
    [ids, sink, [sink, ...formerNames]],
  )
  if (noted.length === ids.length) return new Set()
  const isNoted = new Set(noted.map(({ id }) => id))
  // A letter that was deleted meanwhile is in neither; it is written.
  const { rows: before } = await client.query<{ id: string }>(
    `select id from ${qualified(table)} where id = any ($1::uuid[])`,
    [ids.filter((id) => !isNoted.has(id))],
  )
  return new Set(before.map(({ id }) => id))
}
