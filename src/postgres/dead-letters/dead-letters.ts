/** Writes rejected records to the dead-letter table, in the transaction that leaves them out of the rows. */
import type { ClientBase } from 'pg'
import { deadLettersOf, type DeadLetter } from '../../dead-letters/dead-letter'
import type { MessageError } from '../../wire/message'
import { writeToLog } from '../connect/commit'
import type { Database } from '../connect/database'
import { createDeadLetterTable, insertDeadLetters } from './dead-letter-table'
import { qualified, type TableName } from '../connect/identifiers'
import type { RejectedRecord } from '../rows/rejected'
import { lockDefinitions, tableExists } from '../connect/server-statements'

/** At most, in one statement. */
const STATEMENT_BYTES = 16 * 1024 * 1024

/** The node that refuses the records, as dead letters name it. */
export interface Refuser {
  readonly id: string
  readonly type: string
  readonly name?: string
}

/** @throws DatabaseError */
export async function prepareDeadLetters(database: Database, table: TableName): Promise<void> {
  await database.transaction(`preparing the dead letters "${table.table}"`, async (client) => {
    if (await tableExists(client, table)) return
    await lockDefinitions(client)
    await client.query(createDeadLetterTable(qualified(table)))
  })
}

export async function writeDeadLetters(
  client: ClientBase,
  table: TableName,
  rejected: readonly RejectedRecord[],
  refuser: Refuser,
  clusterId: string | undefined,
): Promise<void> {
  let group: DeadLetter[] = []
  let bytes = 0
  const flush = async (): Promise<void> => {
    if (group.length === 0) return
    const letters = group
    group = []
    bytes = 0
    await storeDeadLetters(client, table, letters)
  }
  for (const { record, reason } of rejected) {
    const kafka = clusterId === undefined ? record.kafka : { clusterId, ...record.kafka }
    const error = errorOf(reason, refuser)
    for (const letter of deadLettersOf({ ...record, batch: false, kafka, error })) {
      group.push(letter)
      bytes += letter.payload?.length ?? 0
      if (bytes >= STATEMENT_BYTES) await flush()
    }
  }
  await flush()
}

/** Inside a transaction. Those that are there already are left alone, and `COMMIT` waits for them as well. */
export async function storeDeadLetters(
  client: ClientBase,
  table: TableName,
  letters: readonly DeadLetter[],
): Promise<void> {
  const { text, values } = insertDeadLetters(qualified(table), letters)
  const { rowCount } = await client.query(text, values)
  if (rowCount !== letters.length) await writeToLog(client)
}

/** `msg.error` of a rejected record. */
export function errorOf({ code, text }: RejectedRecord['reason'], source: Refuser): MessageError {
  return { message: text, code, source }
}
