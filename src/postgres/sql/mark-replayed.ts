import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

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
 * @returns the ids of those that it had written before; of these nothing may be written again
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
  // A letter that somebody has deleted meanwhile is in neither; it is written.
  const { rows: before } = await client.query<{ id: string }>(
    `select id from ${qualified(table)} where id = any ($1::uuid[])`,
    [ids.filter((id) => !isNoted.has(id))],
  )
  return new Set(before.map(({ id }) => id))
}
