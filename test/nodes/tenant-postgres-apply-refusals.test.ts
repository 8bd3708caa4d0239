/** What the statement of `tenant-postgres-apply` refuses, in a real PostgreSQL: the record is at fault, or the node waits. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import tenantDeadLetter from '../../nodes/tenant-dead-letter/tenant-dead-letter'
import type { TestSource } from '../support/delivery-nodes'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { helper, loadFlow, startRuntime, statusText, stopRuntime } from '../support/runtime'
import {
  lettersIn,
  many,
  orders,
  quantityOf,
  STOCK,
  stockFlow,
  stockModules,
  type Order,
} from '../support/stock'
import { until } from '../support/until'

describe('what the statement of tenant-postgres-apply refuses', () => {
  const role = `apply_${randomBytes(4).toString('hex')}`
  let test: TestDatabase
  let url: string
  before(startRuntime)
  beforeEach(async () => {
    test = await createTestDatabase()
    await test.query(`create role ${role} login password 'p'; grant all on schema public to ${role}; ${STOCK}; grant all on stock to ${role};
      insert into stock values ('bolt', 1000), ('nut', 1000)`)
    const own = new URL(test.url)
    Object.assign(own, { username: role, password: 'p' })
    url = own.href
  })
  afterEach(async () => {
    await helper.unload()
    await test.query(`drop owned by ${role} cascade; drop role ${role}`)
    await test.drop()
  })
  after(stopRuntime)

  async function run(more: object = {}): Promise<TestSource> {
    await loadFlow(stockModules, stockFlow(url, more))
    return helper.getNode('source') as TestSource
  }

  const BAD: Order = { article: 'bolt', quantity: 7777 }
  const INSERT = 'insert into stock (article, quantity, last) values ($1, $2, $3)'

  for (const { what, code, statement, bad = BAD, setUp } of [
    { what: 'a check', code: '23514' },
    { what: 'a value out of range', code: '22003', bad: { article: 'bolt', quantity: 3_000_000_000 } },
    { what: 'no value where one is needed', code: '23502', bad: { article: 'bolt', quantity: null } },
    { what: 'a key that is there', code: '23505', statement: INSERT, bad: { article: 'nut', quantity: 1 } },
    {
      what: 'a key that is not there',
      code: '23503',
      setUp: `create table bins (article text primary key); insert into bins values ('bolt'), ('nut'), ('cog');
        alter table stock add foreign key (article) references bins`,
      statement: INSERT,
      bad: { article: 'none', quantity: 1 },
    },
    {
      what: 'a division by zero',
      code: '22012',
      statement: 'update stock set quantity = quantity - 1 / (7777 - $2::int), last = $3 where article = $1',
    },
    {
      what: 'an exception of a function',
      code: 'P0001',
      setUp: `create or replace function sold_out() returns trigger language plpgsql as $$
        begin if new.quantity < 0 then raise 'sold out'; end if; return new; end $$;
        create trigger sold_out before update on stock for each row execute function sold_out()`,
    },
  ]) {
    it(`${what} refuses the record: it is a dead letter, and those around it are applied`, async () => {
      await test.query(setUp ?? 'select')
      const from = await run({ ...(statement && { statement }) })
      const isInsert = statement === INSERT
      const [one, other] = isInsert ? [{ article: 'cog', quantity: 5 }] : many(2)
      const batch = orders(0, one as Order, bad, ...(other === undefined ? [] : [other]))
      assert.equal((await from.emitMessage(batch, 30_000)).outcome, 'delivered')
      assert.deepEqual(await lettersIn(test), [[1, code]])
      if (isInsert) assert.equal(await quantityOf(test, 'cog'), 5)
      else assert.equal((await test.query('select from stock where last in (0, 2)')).length, 1)
      assert.equal(await quantityOf(test, 'nut'), 1000)
    })
  }

  for (const { what, breaks, heals, says } of [
    {
      what: 'a table that is gone',
      breaks: 'alter table stock rename to away',
      heals: 'alter table away rename to stock',
      says: /statement refused \[42P01\]/,
    },
    {
      what: 'a column that is gone',
      breaks: 'alter table stock rename last to away',
      heals: 'alter table stock rename away to last',
      says: /statement refused \[42703\]/,
    },
    {
      what: 'a missing right',
      breaks: `revoke update on stock from ${role}`,
      heals: `grant update on stock to ${role}`,
      says: /permission denied/,
    },
  ]) {
    it(`${what} is no fault of a record: the node waits, and resumes by itself`, async () => {
      const from = await run()
      assert.equal((await from.emitMessage(orders(0, ...many(1)))).outcome, 'delivered')
      await test.query(breaks)
      const settled = from.emitMessage(orders(1, ...many(2)), 60_000)
      await until(
        () => `it says why, and not "${statusText('take')}"`,
        () => says.test(statusText('take')),
      )
      await test.query(heals)
      assert.equal((await settled).outcome, 'delivered')
      assert.deepEqual([await quantityOf(test), await lettersIn(test)], [997, []])
    })
  }

  it('rejects order after order of what is sold out, however many come in a row, and applies the next one', async () => {
    await test.query("update stock set quantity = 0 where article = 'bolt'")
    const from = await run()
    for (const first of [0, 100])
      assert.equal((await from.emitMessage(orders(first, ...many(100)), 30_000)).outcome, 'delivered')
    assert.equal((await lettersIn(test)).length, 200)
    await from.emitMessage(orders(200, ...many(1, 'nut')))
    assert.equal(await quantityOf(test, 'nut'), 999)
  })

  it('stops when the parameters of every record have the wrong type, and writes none of them off', async () => {
    const from = await run({ parameters: 'payload.article, payload.article, kafka.offset' })
    void from.emitMessage(orders(0, ...many(60)), 60_000)
    await until(
      () => `it stops, and not "${statusText('take')}"`,
      () => /22P02/.test(statusText('take')),
    )
    assert.deepEqual(await lettersIn(test), [])
  })

  it('takes a statement that returns rows: a function that does more', async () => {
    await test.query(`create or replace function take(a text, q integer) returns integer language sql as $$
      update stock set quantity = quantity - q where article = a returning quantity $$`)
    const from = await run({ statement: 'select take($1, $2), $3::bigint' })
    assert.equal((await from.emitMessage(orders(0, ...many(150), BAD, ...many(1)))).outcome, 'delivered')
    assert.deepEqual([await quantityOf(test), await lettersIn(test)], [849, [[150, '23514']]])
  })

  it('has rejected records stored by tenant-dead-letter before those around them are applied', async () => {
    const letters = { id: 'letters', type: 'tenant-dead-letter', z: 'tab', wires: [], database: 'db' }
    const wired = stockFlow(url, { deadLetters: 'output', wires: [['letters']] })
    await loadFlow(
      [...stockModules, tenantDeadLetter],
      [...wired, { ...letters, target: 'table', schema: 'public', table: 'iot_dead_letters' }],
    )
    const from = helper.getNode('source') as TestSource
    const batch = orders(0, ...many(1), BAD, ...many(2))
    assert.equal((await from.emitMessage(batch, 30_000)).outcome, 'delivered')
    assert.deepEqual([await quantityOf(test), await lettersIn(test)], [997, [[1, '23514']]])
    assert.equal((await from.emitMessage(batch, 30_000)).outcome, 'delivered')
    assert.deepEqual([await quantityOf(test), (await lettersIn(test)).length], [997, 1])
  })

  it('takes nothing for an event that was sent twice, when the statement recognizes its id', async () => {
    await test.query(`create table orders (id bigint primary key); grant all on orders to ${role}`)
    const statement = `with known as (insert into orders values ($3) on conflict do nothing returning id)
      update stock set quantity = quantity - $2 from known where article = $1`
    const from = await run({ statement, parameters: 'payload.article, payload.quantity, payload.id' })
    const order = { article: 'bolt', quantity: 3, id: 4711 }
    await from.emitMessage(orders(0, order, order))
    await from.emitMessage(orders(2, order))
    assert.equal(await quantityOf(test), 997)
  })
})
