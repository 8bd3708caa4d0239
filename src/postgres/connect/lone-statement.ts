/**
 * A statement that must not be inside a transaction, with a time limit all the same. `set local` has no effect there,
 * and a limit of the session would stay on a connection of the server that a pooler gives to others. So we measure the
 * time, and have the server end the statement.
 */
import { randomUUID } from 'node:crypto'
import type { Database } from './database'
import { cancelStatement } from './server-statements'

/** @throws DatabaseError `57014` when it took longer */
export async function runAlone(
  database: Database,
  doing: string,
  statement: string,
  limitMs: number,
): Promise<void> {
  const mark = `/* ${randomUUID()} */`
  const cancel = (): void => {
    // When this fails the next one is due soon, and the client's own limit after it.
    database.withExtraClient((client) => cancelStatement(client, mark)).catch(() => undefined)
  }
  await database.withClient(doing, async (client) => {
    const timer = setInterval(cancel, limitMs)
    try {
      await client.query(`${mark} ${statement}`)
    } finally {
      clearInterval(timer)
    }
  })
}
