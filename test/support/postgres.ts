/**
 * The PostgreSQL server that all tests share (`services.ts`); every test file works in a database of its own. What belongs
 * to the whole server has names of its own (roles), or is asked for this database only (locks, connections).
 */
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { sharedService } from './services'

export interface TestDatabase {
  readonly url: string
  /** Runs one statement on a connection of its own and gives the rows. */
  query<Row extends object = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  /** Removes the database; call it in `after`. */
  drop(): Promise<void>
}

export async function createTestDatabase(): Promise<TestDatabase> {
  return createDatabaseAt(await sharedService('postgres'))
}

export async function createDatabaseAt(address: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  await run(address, `create database ${name}`)
  const url = new URL(address)
  url.pathname = `/${name}`
  return {
    url: url.href,
    query: (text, values) => run(url.href, text, values),
    drop: async () => void (await run(address, `drop database ${name} with (force)`)),
  }
}

async function run<Row extends object>(url: string, text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}
