/** What a dialog shows of a table of dead letters: which reasons of which tenants, how often, and a sample of each. */
import { shownBytes } from '../../record/shown-bytes'
import type { Database } from '../connect/database'
import type { TableName } from '../connect/identifiers'
import type { DeadLetterFilter } from './dead-letter-filter'
import { prepareReplay } from './prepare-replay'
import { groupLetters, type GroupRow } from './replay-statements'

export interface LetterGroup {
  /** What the filter calls it: the code, or the whole text of a letter without one. */
  readonly reason: string
  readonly tenant: string | undefined
  readonly count: number
  /** Those of them that have not been replayed. */
  readonly waiting: number
  /** Times of the first and the last failure, ISO 8601. */
  readonly first: string
  readonly last: string
  /** Of the last one, shortened. */
  readonly sample: { readonly message: string; readonly topic: string; readonly payload: string }
}

export interface LetterGroups {
  readonly groups: readonly LetterGroup[]
  /** There are more groups, with fewer dead letters that wait. */
  readonly more: boolean
}

const MAX_GROUPS = 50
const MAX_MESSAGE = 500
/** A dialog waits for it. */
const LIMIT_MS = 5_000

/** Changes nothing. @throws PipelineError */
export async function listGroups(
  database: Database,
  table: TableName,
  filter: DeadLetterFilter,
): Promise<LetterGroups> {
  await prepareReplay(database, table, false)
  const rows = await database.transaction(
    `listing the dead letters of "${table.table}"`,
    (client) => groupLetters(client, table, filter, MAX_GROUPS + 1),
    undefined,
    ['set transaction read only', `set local statement_timeout = ${LIMIT_MS}`],
  )
  return { groups: rows.slice(0, MAX_GROUPS).map(groupOf), more: rows.length > MAX_GROUPS }
}

export function groupOf(row: GroupRow): LetterGroup {
  const { why, tenant_id: tenant, count, waiting, first_at: first, last_at: last } = row
  return {
    reason: why,
    tenant: tenant ?? undefined,
    count,
    waiting,
    first: first.toISOString(),
    last: last.toISOString(),
    sample: {
      message: row.reason.length > MAX_MESSAGE ? `${row.reason.slice(0, MAX_MESSAGE)}…` : row.reason,
      topic: row.mqtt_topic ?? '',
      payload: row.payload === null ? '' : shownBytes(row.payload, Number(row.payload_length)),
    },
  }
}
