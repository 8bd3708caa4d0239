/** A database for each test of a block, and its sinks, which are closed after the test. */
import type { Database } from '../../src/postgres/connect/database'
import type { TableSink } from '../../src/postgres/sink/table-sink'
import { createTestDatabase, type TestDatabase } from './postgres'
import { openDatabase, openSink, type SinkChange } from './sink'

/**
 * @param note gets what each test has
 * @returns opens a sink
 */
export function databaseForEachTest(
  note: (made: { readonly database: TestDatabase; readonly connection: Database }) => void,
  create: () => Promise<TestDatabase> = createTestDatabase,
): (change?: SinkChange) => TableSink {
  let database: TestDatabase
  let connection: Database
  let sinks: TableSink[]
  beforeEach(async () => {
    database = await create()
    connection = openDatabase(database.url)
    sinks = []
    note({ database, connection })
  })
  afterEach(async () => {
    await Promise.all(sinks.map((sink) => sink.close(0)))
    await connection.close(0)
    await database.drop()
  })
  return (change) => {
    const sink = openSink(connection, change)
    sinks.push(sink)
    return sink
  }
}
