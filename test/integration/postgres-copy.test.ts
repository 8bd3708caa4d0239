/** COPY on a connection of `pg`: what is sent in several pieces, and what happens when PostgreSQL refuses one of them. */
import assert from 'node:assert/strict'
import { Client } from 'pg'
import { copyRows } from '../../src/postgres/write/copy-in'
import { createTestDatabase, type TestDatabase } from '../support/postgres'

describe('COPY', () => {
  let database: TestDatabase
  let client: Client

  before(async () => {
    database = await createTestDatabase()
    await database.query('create table rows (number integer, text text)')
  })
  beforeEach(async () => {
    client = new Client({ connectionString: database.url, query_timeout: 60_000 })
    client.on('error', () => undefined)
    await client.connect()
    await client.query('begin; truncate rows')
  })
  afterEach(() => client.end())
  after(() => database.drop())

  const statement = 'copy rows (number, text) from stdin'
  const rows = (count: number, bad = -1): Buffer =>
    Buffer.from(
      Array.from({ length: count }, (_, at) => `${at === bad ? 'x' : at}\t${'a'.repeat(1000)}\n`).join(''),
    )
  const stored = async (): Promise<unknown> =>
    (await client.query('select count(*)::int, sum(number)::int, sum(length(text))::int as length from rows'))
      .rows[0]

  for (const count of [0, 1, 255, 3000]) {
    it(`stores ${count} rows of a kilobyte, and says how many`, async () => {
      assert.equal(await copyRows(client, statement, rows(count)), count)
      const expected = { count, sum: (count * (count - 1)) / 2, length: count * 1000 }
      if (count > 0) assert.deepEqual(await stored(), expected)
    })
  }

  for (const bad of [0, 1500, 19_999]) {
    it(`names the bad row ${bad} of 20 megabytes, and leaves the connection ready for the next statement`, async () => {
      await client.query('savepoint before')
      await assert.rejects(copyRows(client, statement, rows(20_000, bad)), {
        code: '22P02',
        where: new RegExp(`line ${bad + 1},`),
      })
      await client.query('rollback to savepoint before')
      assert.equal(await copyRows(client, statement, rows(2)), 2)
      assert.deepEqual(await stored(), { count: 2, sum: 1, length: 2000 })
    })
  }

  it('sends nothing to a statement that is refused', async () => {
    await assert.rejects(copyRows(client, 'copy missing from stdin', rows(3000)), { code: '42P01' })
    assert.equal((await client.query('rollback')).command, 'ROLLBACK')
  })

  it('fails when the connection is lost before the rows have left', async () => {
    const { pid } = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0] as {
      pid: number
    }
    const copied = copyRows(client, statement, rows(50_000))
    const ended = database.query(`select pg_terminate_backend(${pid})`)
    await assert.rejects(copied)
    await ended
  })

  it('fails when there is no answer in time', async () => {
    await client.query('lock table rows in access exclusive mode')
    const other = new Client({ connectionString: database.url, query_timeout: 200 })
    await other.connect()
    await assert.rejects(copyRows(other, statement, rows(3000)), /timeout/)
    await client.query('rollback')
    await other.end()
  })

  it('is one write for the rows that it has, after the server has asked for them', async () => {
    const { stream } = (client as unknown as { connection: { stream: NodeJS.WritableStream } }).connection
    const sent: number[] = []
    const inner = stream as unknown as Record<'_write' | '_writev', (...args: unknown[]) => unknown>
    for (const name of ['_write', '_writev'] as const) {
      const original = inner[name].bind(stream)
      inner[name] = (...args) => {
        sent.push(Array.isArray(args[0]) ? args[0].length : 1)
        return original(...args)
      }
    }
    await copyRows(client, statement, rows(2))
    assert.deepEqual(sent, [1, 3])
  })
})
