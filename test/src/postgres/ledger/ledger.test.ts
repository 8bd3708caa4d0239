import assert from 'node:assert/strict'
import { planRange } from '../../../../src/postgres/ledger/ledger'
import { ledgerKey, openDatabase, range } from '../../../support/sink'

describe('the ledger', () => {
  const range = { firstOffset: 10, nextOffset: 20 }
  for (const [position, plan] of [
    [undefined, { write: 'all' }],
    [0, { write: 'all' }],
    [10, { write: 'all' }],
    [11, { write: 'from', offset: 11 }],
    [19, { write: 'from', offset: 19 }],
    [20, { write: 'nothing' }],
    [99, { write: 'nothing' }],
  ] as const) {
    it(`at position ${position} has of the offsets 10 to 19 ${plan.write} to write`, () =>
      assert.deepEqual(planRange(position, range), plan))
  }
})

describe('a range that an assignment of its partition has brought', () => {
  const { sink, ...query } = ledgerKey
  const nowhere = 'postgres://nobody@127.0.0.1:1/none'
  const batch = (assignment: number): ReturnType<typeof range> => ({ ...range(0, 10), assignment })

  it('is written when it is newer than the last one that has asked for positions: they are not asked for any more', async () => {
    const database = openDatabase(nowhere)
    const release = database.registerSink(sink, 'node')
    await assert.rejects(database.positions(query, 1))
    release()
    database.ledger.assertFollows(ledgerKey, undefined, batch(2))
    await database.close(0)
  })

  it('is refused when a newer one has asked for positions, also while no sink was deployed', async () => {
    const database = openDatabase(nowhere)
    await assert.rejects(database.positions(query, 3))
    assert.throws(() => database.ledger.assertFollows(ledgerKey, undefined, batch(2)), {
      code: 'RANGE_SUPERSEDED',
    })
    await database.close(0)
  })

  it('is refused when a newer one was written, also where nobody asks for positions', async () => {
    const database = openDatabase(nowhere)
    database.ledger.assertFollows(ledgerKey, undefined, batch(5))
    assert.throws(() => database.ledger.assertFollows(ledgerKey, undefined, batch(4)), {
      code: 'RANGE_SUPERSEDED',
    })
    await database.close(0)
  })
})
