/**
 * A pooler in transaction mode gives a connection of the server to another client after each transaction. So nothing that
 * we send may leave anything in the session, nor rely on what is there.
 */
import assert from 'node:assert/strict'
import { Client } from 'pg'
import type { Database } from '../../src/postgres/connect/database'
import { SinkTables } from '../../src/postgres/sink/sink-tables'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { dropOutdatedLater, openDatabase, openSink, range, record, TABLE, sinkOptions } from '../support/sink'

const DAY_MS = 86_400_000
/** At the beginning of a statement, also of one of several in a text. */
const OF_THE_SESSION =
  /(?:^|;)\s*(?:\/\*.*?\*\/\s*)?(?:set\s+(?!local\b|constraints\b)|reset\b|prepare\b|listen\b|declare\b|load\b|discard\b)|pg_(?:try_)?advisory_lock|set_config\([^)]*false\)/i

describe('the session of a connection to PostgreSQL', () => {
  const prototype = Client.prototype as unknown as { query: (this: unknown, ...args: unknown[]) => unknown }
  const { query } = prototype
  let sent: { text: string; named: boolean }[]
  let database: TestDatabase
  let connection: Database
  beforeEach(async () => {
    database = await createTestDatabase()
    connection = openDatabase(database.url)
    sent = []
    prototype.query = function (...args) {
      const [first] = args as [string | { text?: string; name?: string }]
      const text = typeof first === 'string' ? first : (first.text ?? '')
      sent.push({ text, named: typeof first === 'object' && first.name !== undefined })
      return query.apply(this, args)
    }
  })
  afterEach(async () => {
    prototype.query = query
    await connection.close(0)
    await database.drop()
  })

  it('is left as it was, by whatever a sink and its maintenance send', async () => {
    const role = `reader_${new URL(database.url).pathname.slice(1)}`
    await database.query(`create role ${role}`)
    const at = (offset: number, daysAgo: number, payload = '{}'): ReturnType<typeof record> =>
      record(offset, {
        payload: Buffer.from(payload),
        kafka: { topic: 'iot-messages', partition: 0, offset, timestamp: Date.now() - daysAgo * DAY_MS },
      })
    const reader = { role, tenantColumn: 'tenant_id' }
    const byLedger = openSink(connection, { retentionDays: 0, reader })
    await byLedger.write({ way: 'range', range: range(0, 3), records: [at(0, 0), at(1, 9), at(2, 0, '{')] })
    const table = { schema: 'public', table: 'by_key' }
    const byKey = openSink(connection, { table, exactlyOnce: 'key', retentionDays: 0 })
    await byKey.write({ way: 'records', records: [at(0, 0), at(1, 9), at(2, 0, '{')] })
    byLedger.start()
    const tables = new SinkTables(sinkOptions(connection, { retentionDays: 0, reader }), () => undefined)
    assert.equal((await tables.outdated(7)).length, 1)
    assert.equal(await dropOutdatedLater(connection, { table: TABLE, layout: 'by day', days: 7 }), 1)
    await Promise.all([byLedger.close(0), byKey.close(0)])

    assert.ok(sent.length > 50, String(sent.length))
    assert.deepEqual(
      sent.filter(({ text, named }) => named || OF_THE_SESSION.test(text)),
      [],
    )
    const left = await Promise.all(
      Array.from({ length: connection.poolSize }, () =>
        connection.withClient('looking', async (client) => {
          const { rows } = await client.query<object>(`\
select name from pg_settings where source = 'session'
union all select name from pg_prepared_statements
union all select locktype from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'
union all select relname from pg_class where relnamespace = pg_my_temp_schema()
union all select pg_listening_channels()`)
          return rows
        }),
      ),
    )
    assert.deepEqual(left.flat(), [])
    await database.query(`drop owned by ${role}`)
    await database.query(`drop role ${role}`)
  })
})
