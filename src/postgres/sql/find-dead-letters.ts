import type { ClientBase } from 'pg'
import type { DeadLetterFilter } from '../dead-letter-filter'
import { qualified, type TableName } from '../identifiers'

/** A dead letter that was found, and how much its payload takes. */
export interface FoundLetter {
  readonly id: string
  readonly bytes: number
}

/** Letters that a replay leaves alone, and why. */
export interface LeftLetters {
  /** They have failed as often as is allowed. */
  readonly spent: number
  /** Their payload is not what came: it was cut, or was nothing that can be written down. */
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

export async function countLeft(
  client: ClientBase,
  table: TableName,
  filter: DeadLetterFilter,
  maxAttempts: number,
): Promise<LeftLetters> {
  const { rows } = await client.query<{ spent: string; incomplete: string }>(
    `\
select count(*) filter (where coalesce(attempts, 1) >= $5) as spent,
       count(*) filter (where coalesce(attempts, 1) < $5 and ${IS_INCOMPLETE}) as incomplete
  from ${qualified(table)}
 where ${MATCHES} and replayed_at is null`,
    [...valuesOf(filter), maxAttempts],
  )
  return { spent: Number(rows[0]?.spent ?? 0), incomplete: Number(rows[0]?.incomplete ?? 0) }
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

function valuesOf({ tenant, reason, fromMs, toMs }: DeadLetterFilter): unknown[] {
  return [tenant ?? null, reason ?? null, timestamp(fromMs), timestamp(toMs)]
}

function timestamp(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}
