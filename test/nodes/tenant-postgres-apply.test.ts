/** The statement of `tenant-postgres-apply` in a real PostgreSQL; what it has done is asked by plain SQL. */
import assert from 'node:assert/strict'
import { Client } from 'pg'
import { startOwnPostgres } from '../../dev/services/postgres'
import type { TestSource } from '../support/delivery-nodes'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import {
  deploy,
  helper,
  loadFlow,
  startRuntime,
  statusText,
  stopRuntime,
  untilLogged,
} from '../support/runtime'
import {
  apply,
  lettersIn,
  many,
  orders,
  quantityOf,
  source,
  STOCK,
  stockFlow,
  stockModules,
  TAKE,
} from '../support/stock'
import { until } from '../support/until'

describe('tenant-postgres-apply', () => {
  let test: TestDatabase
  before(startRuntime)
  after(stopRuntime)
  beforeEach(async () => {
    test = await createTestDatabase()
    await test.query(STOCK)
    await test.query("insert into stock values ('bolt', 1000), ('nut', 1000)")
  })
  afterEach(async () => {
    await helper.unload()
    await test.drop()
  })

  async function run(more: object = {}, url = test.url): Promise<TestSource> {
    await loadFlow(stockModules, stockFlow(url, more))
    return helper.getNode('source') as TestSource
  }
  const quantity = (article: string): Promise<number | undefined> => quantityOf(test, article)
  const letters = (): Promise<[offset: number, code: string][]> => lettersIn(test)

  it('applies each record once, however often its range comes, and whatever overlaps', async () => {
    const from = await run()
    assert.equal((await from.emitMessage(orders(0, ...many(250)))).outcome, 'delivered')
    assert.equal((await from.emitMessage(orders(0, ...many(250)))).outcome, 'delivered')
    assert.equal((await from.emitMessage(orders(100, ...many(200)))).outcome, 'delivered')
    assert.equal(await quantity('bolt'), 700)
    const [counted] = await test.query<object>(
      'select next_offset::int, stored_rows::int, dead_letters::int from iot_ledger where sink <> $$$$',
    )
    assert.deepEqual(counted, { next_offset: 300, stored_rows: 300, dead_letters: 0 })
  })

  it('applies a copied flow with the same name not again, and one with another name', async () => {
    const from = await run()
    await from.emitMessage(orders(0, ...many(10)))
    // The flow with another node in the place of the first.
    const copied = (more: object = {}) =>
      stockFlow(test.url).map((entry) => {
        if (entry.id === 'source') return { ...source, wires: [['copy']] }
        return entry.id === 'take' ? { ...apply(more), id: 'copy' } : entry
      })
    await deploy(copied(), 'full')
    await (helper.getNode('source') as TestSource).emitMessage(orders(0, ...many(10)))
    assert.equal(await quantity('bolt'), 990)
    await deploy(copied({ ledgerName: 'other' }), 'full')
    await (helper.getNode('source') as TestSource).emitMessage(orders(0, ...many(10)))
    assert.equal(await quantity('bolt'), 980)
  })

  it('keeps the order of a partition: the last record of an article decides', async () => {
    const from = await run()
    await from.emitMessage(orders(0, ...many(100), ...many(100, 'nut'), ...many(1)))
    assert.deepEqual(await test.query('select article, last::int from stock order by 1'), [
      { article: 'bolt', last: 200 },
      { article: 'nut', last: 199 },
    ])
  })

  it('isolates bad rows as dead letters, with the reason, and applies the others', async () => {
    const from = await run()
    const batch = orders(
      0,
      { article: 'bolt', quantity: 1 },
      { article: 'bolt', quantity: 'many' },
      { article: 'bolt', quantity: 5000 },
      { article: 'bolt', quantity: 1.5 },
      { article: 'bolt', quantity: null },
      { article: 'nut', quantity: 1 },
    )
    assert.equal((await from.emitMessage(batch)).outcome, 'delivered')
    assert.deepEqual(await letters(), [
      [1, '22P02'],
      [2, '23514'],
      [3, '22P02'],
      [4, '23502'],
    ])
    assert.deepEqual([await quantity('bolt'), await quantity('nut')], [999, 999])
    await from.emitMessage(batch)
    assert.equal((await letters()).length, 4)
    assert.equal(await quantity('bolt'), 999)
  })

  it('names the parameter in the reason of a value that is of the wrong type', async () => {
    const from = await run()
    await from.emitMessage(orders(0, { article: 'bolt', quantity: 'many' }, { article: 'bolt', quantity: 1 }))
    const [letter] = await test.query<{ reason: string }>('select reason from iot_dead_letters')
    assert.match(letter?.reason ?? '', /the parameter \$2 takes a whole number/)
  })

  it('binds values: SQL in a value is only a text', async () => {
    const from = await run({
      statement: 'insert into stock (article, quantity) values ($1, $2)',
      parameters: 'payload.article, payload.quantity',
    })
    const evil = [
      "'; drop table stock; --",
      "bolt', 0); update stock set quantity = 0; --",
      '$2',
      '\\N',
      'a\tb\nc\\d\r',
      '',
      '日本',
    ]
    const batch = orders(0, ...evil.map((article) => ({ article, quantity: 7 })))
    assert.equal((await from.emitMessage(batch)).outcome, 'delivered')
    assert.deepEqual(
      (await test.query<{ article: string }>('select article from stock where quantity = 7'))
        .map(({ article }) => article)
        .sort(),
      [...evil].sort(),
    )
    assert.deepEqual([await quantity('bolt'), await quantity('nut')], [1000, 1000])
  })

  it('is done with a record that changes no row, or rejects it when told to', async () => {
    const batch = orders(0, ...many(3), { article: 'unknown', quantity: 1 }, ...many(150))
    const from = await run()
    await from.emitMessage(batch)
    assert.deepEqual([await quantity('bolt'), await letters()], [847, []])
    await deploy(stockFlow(test.url, { ledgerName: 'second', unchanged: 'reject' }), 'full')
    await (helper.getNode('source') as TestSource).emitMessage(batch)
    assert.deepEqual([await quantity('bolt'), await letters()], [694, [[3, 'NO_ROW_CHANGED']]])
  })

  for (const [what, statement, code] of [
    ['several statements', `${TAKE}; delete from stock`, '42601'],
    ['commit', 'commit', '42601'],
    ['rollback', 'rollback', '42601'],
    ['copy', 'copy stock from stdin', '42601'],
    ['listen', 'listen orders', '42601'],
    ['call', 'call take($1, $2, $3)', '42601'],
    ['a table that is not there', 'update nothere set a = $1, b = $2, c = $3', '42P01'],
    ['another number of parameters', 'update stock set quantity = $1', '42P02'],
    ['a parameter of no known type', 'select $1 is null, $2 is null, $3 is null', '42P18'],
  ] as const) {
    it(`refuses ${what} at deploy, and nothing is run`, async () => {
      await run({ statement })
      await until('it says why', () => statusText('take').includes(`statement refused [${code}]`))
      assert.deepEqual([await quantity('bolt'), await quantity('nut')], [1000, 1000])
    })
  }

  it('resumes by itself once the table that it needs is there', async () => {
    await test.query('alter table stock rename to away')
    const from = await run()
    const settled = from.emitMessage(orders(0, ...many(5)), 60_000)
    await until('it is refused', () => statusText('take').includes('statement refused [42P01]'))
    await test.query('alter table away rename to stock')
    assert.equal((await settled).outcome, 'delivered')
    assert.equal(await quantity('bolt'), 995)
  })

  it('leaves it to the newer owner when another process has moved the position', async () => {
    const from = await run()
    await from.emitMessage(orders(0, ...many(10)))
    await test.query("update iot_ledger set next_offset = 20 where sink = 'take-stock'")
    await from.emitMessage(orders(10, ...many(10)))
    assert.equal(await quantity('bolt'), 990)
    await untilLogged('take', 'LEDGER_MOVED')
  })

  it('applies once what PostgreSQL was killed in the middle of', async () => {
    const own = await startOwnPostgres()
    const ask = async <T extends object>(text: string): Promise<T[]> => {
      const client = new Client({ connectionString: own.address })
      await client.connect()
      try {
        return (await client.query<T>(text)).rows
      } finally {
        await client.end()
      }
    }
    try {
      await ask('create table stock (article text primary key, quantity integer not null, last bigint)')
      await ask("insert into stock values ('bolt', 1000)")
      const slow = `update stock set quantity = quantity - $2, last = $3 from pg_sleep(0.02) where article = $1`
      const from = await run({ statement: slow }, own.address)
      await from.emitMessage(orders(0, ...many(1)))
      const settled = from.emitMessage(orders(1, ...many(100)), 120_000)
      await until('the statement runs', async () => {
        const [active] = await ask<{ n: number }>(
          "select count(*)::int as n from pg_stat_activity where query like 'update stock%' and state = 'active'",
        )
        return active?.n === 1
      })
      await own.kill()
      await own.restart()
      assert.equal((await settled).outcome, 'delivered')
      assert.deepEqual(await ask('select quantity, last::int from stock'), [{ quantity: 899, last: 100 }])
    } finally {
      await helper.unload()
      await own.stop()
    }
  })
})
