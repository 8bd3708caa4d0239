/** Dead letters one by one, whole, a page at a time. */
import type { Database } from '../connect/database'
import type { TableName } from '../connect/identifiers'
import type { DeadLetterFilter } from './dead-letter-filter'
import { prepareReplay } from './prepare-replay'
import { type DeadLetterRow, findNewest, type FoundLetter, readDeadLetters } from './replay-statements'
import { listEntry } from './stored-dead-letter'

const MAX_LIST_BYTES = 64 * 1024 * 1024

export interface ListedLetters {
  readonly entries: readonly Record<string, unknown>[]
  /** The id of the last one, when there are more. */
  readonly lastId: string | undefined
}

/**
 * Newest first, whether they have been replayed or not.
 * @param mayChange see `prepareReplay`
 * @throws PipelineError
 */
export async function listLetters(
  database: Database,
  table: TableName,
  filter: DeadLetterFilter,
  mayChange = false,
): Promise<ListedLetters> {
  await prepareReplay(database, table, mayChange)
  return database.withClient('listing dead letters', async (client) => {
    const found = await findNewest(client, table, filter)
    const [page = []] = groupsOf(found.slice(0, filter.limit), filter.limit, MAX_LIST_BYTES)
    const rows = await inOrder(page, (ids) => readDeadLetters(client, table, ids))
    return {
      entries: rows.map(listEntry),
      lastId: page.length < found.length ? page.at(-1)?.id : undefined,
    }
  })
}

export async function inOrder(
  letters: readonly FoundLetter[],
  read: (ids: readonly string[]) => Promise<readonly DeadLetterRow[]>,
): Promise<DeadLetterRow[]> {
  const byId = new Map((await read(letters.map(({ id }) => id))).map((row) => [row.id, row]))
  return letters.flatMap(({ id }) => byId.get(id) ?? [])
}

/** Groups bounded in letters and bytes; one letter always fits. */
export function groupsOf(
  letters: readonly FoundLetter[],
  maxLetters: number,
  maxBytes: number,
): FoundLetter[][] {
  const groups: FoundLetter[][] = []
  let group: FoundLetter[] = []
  let bytes = 0
  for (const letter of letters) {
    if (group.length > 0 && (group.length >= maxLetters || bytes + letter.bytes > maxBytes)) {
      groups.push(group)
      group = []
      bytes = 0
    }
    group.push(letter)
    bytes += letter.bytes
  }
  if (group.length > 0) groups.push(group)
  return groups
}
