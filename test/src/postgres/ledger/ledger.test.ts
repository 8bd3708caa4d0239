import assert from 'node:assert/strict'
import { Ledger } from '../../../../src/postgres/ledger/ledger'
import { planRange } from '../../../../src/postgres/ledger/range-plan'
import { LEDGER, ledgerKey, openDatabase, range } from '../../../support/sink'

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
  const database = openDatabase('postgres://user@127.0.0.1:1/none')
  let ledger: Ledger
  beforeEach(() => {
    ledger = new Ledger(database, LEDGER, true)
  })
  after(() => database.close(0))

  /** What becomes of a range that begins at the position that is remembered. */
  const planned = async (assignment: number): Promise<string> => {
    ledger.memory.confirm(ledgerKey, 0)
    return (await ledger.plan(ledgerKey, { ...range(0, 10), assignment })).write
  }

  it('is written when it is newer than the last one that has asked for positions: they are not asked for any more', async () => {
    const release = ledger.sinks.register(sink, 'node')
    await assert.rejects(ledger.consumers.positions(query, 1))
    release()
    assert.equal(await planned(2), 'all')
  })

  it('is refused when a newer one has asked for positions, also while no sink was deployed', async () => {
    await assert.rejects(ledger.consumers.positions(query, 3))
    await assert.rejects(planned(2), { code: 'RANGE_SUPERSEDED' })
  })

  it('is refused when a newer one was written, also where no consumer asks for positions', async () => {
    assert.equal(await planned(5), 'all')
    await assert.rejects(planned(4), { code: 'RANGE_SUPERSEDED' })
  })
})
