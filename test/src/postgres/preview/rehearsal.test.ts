import assert from 'node:assert/strict'
import type { ClientBase } from 'pg'
import type { Database } from '../../../../src/postgres/connect/database'
import { rehearse, withValues } from '../../../../src/postgres/preview/rehearsal'

describe('a rehearsal', () => {
  /** The transaction of a database that notes what the server is asked. */
  function stage(): { readonly database: Database; readonly asked: string[] } {
    const asked: string[] = []
    const query = (text: string): Promise<object> => {
      asked.push(text)
      return Promise.resolve({ rows: [], rowCount: 0 })
    }
    const transaction = (
      _doing: string,
      work: (client: ClientBase) => Promise<unknown>,
      _lane: unknown,
      first: string[],
    ) => {
      asked.push(...first)
      return work({ query } as never)
    }
    return { database: { transaction } as never, asked }
  }

  it('asks the server in a transaction that cannot write, and notes all that would change something', async () => {
    const { database, asked } = stage()
    const shown = await rehearse(database, async ({ database: inner, statements }) => {
      await inner.transaction('', async (client) => {
        await client.query('select 1')
        await client.query('\nwith a as (select 1) select * from a')
        await client.query('savepoint x')
        await client.query('select pg_advisory_xact_lock(1)')
        await client.query('create table x ()')
        await client.query('\n alter table x set ()')
        await client.query('select create_hypertable($1::regclass, $2::name)', ["it's", 'time'])
        await client.query('select add_retention_policy($1::regclass, make_interval(days => $2::int))', [
          'x',
          3,
        ])
        await client.query('update x set a = 1')
      })
      return statements
    })
    assert.match(asked[0]!, /^set transaction read only$/)
    assert.deepEqual(asked.slice(2), ['select 1', '\nwith a as (select 1) select * from a'])
    assert.deepEqual(shown, [
      'create table x ()',
      'alter table x set ()',
      "select create_hypertable('it''s'::regclass, 'time'::name)",
      "select add_retention_policy('x'::regclass, make_interval(days => 3::int))",
      'update x set a = 1',
    ])
  })

  it('leaves a parameter without a value as it is', () => {
    assert.equal(withValues('select $1, $2', ['$2']), "select '$2', $2")
  })
})
