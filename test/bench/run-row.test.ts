/** The runner, with sides that only say that they were asked. */
import assert from 'node:assert/strict'
import type { Figures } from '../../bench/report/figures'
import { defineRow, type Row, type Side } from '../../bench/row'
import { runRow } from '../../bench/run-row'
import { Stage } from '../../bench/stage'

const asked: string[] = []
const calm = { look: () => Promise.resolve(), result: () => ({ medianMs: 1, spread: 1, inUse: 0 }) }
beforeEach(() => (asked.length = 0))

function rowOf(measure: (side: Side, signal: AbortSignal) => Promise<Figures>, sides: readonly Side[]): Row {
  return defineRow<Side>({
    name: 'row',
    title: 'Row',
    measures: '',
    targets: [],
    sides,
    open: () =>
      Promise.resolve((side, { signal }) => {
        asked.push(side.name)
        return measure(side, signal)
      }),
  })
}

function run(row: Row, { rounds = 3, quick = false, signal = new AbortController().signal } = {}) {
  return runRow(row, { stage: new Stage(), signal, quick, rounds, progress: () => undefined, calm })
}

describe('the runner of the benchmark', () => {
  it('measures the sides in turn, round after round, and takes medians', async () => {
    const rates = [1, 10, 2, 20, 30, 3]
    const row = rowOf(
      () => Promise.resolve({ rate: rates.shift()! }),
      [{ name: 'a' }, { name: 'b', peer: true }],
    )
    const { sides } = await run(row)
    assert.deepEqual(asked, ['a', 'b', 'a', 'b', 'a', 'b'])
    assert.deepEqual(
      sides.map(({ figures, peer }) => [figures.rate, peer]),
      [
        [2, false],
        [10, true],
      ],
    )
  })

  it('leaves out what is missing, and what is not quick', async () => {
    const row = rowOf(
      () => Promise.resolve({ rate: 1 }),
      [
        { name: 'a', quick: true },
        { name: 'slow' },
        { name: 'gone', quick: true, missing: () => 'no program' },
      ],
    )
    const { sides } = await run(row, { rounds: 2, quick: true })
    assert.deepEqual(asked, ['a', 'a'])
    assert.deepEqual(
      sides.map(({ name, missing }) => [name, missing]),
      [
        ['a', undefined],
        ['gone', 'no program'],
      ],
    )
  })

  it('measures a row no oftener than the row wants, and says how often', async () => {
    const row = rowOf(() => Promise.resolve({ rate: 1 }), [{ name: 'a' }])
    const result = await run({ ...row, rounds: 2 })
    assert.deepEqual(asked, ['a', 'a'])
    assert.equal(result.rounds, 2)
  })

  it('a measurement that fails ends its row and says why; what was measured before is kept', async () => {
    const row = rowOf(
      ({ name }) => (name === 'a' ? Promise.resolve({ rate: 1 }) : Promise.reject(new Error('stalled'))),
      [{ name: 'a' }, { name: 'b' }],
    )
    const { failed, sides } = await run(row)
    assert.equal(failed, 'stalled')
    assert.equal(sides[0]?.figures.rate, 1)
    assert.deepEqual(asked, ['a', 'b'])
  })

  it('ends a measurement that takes too long', async () => {
    const row = rowOf(
      (_side, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('cut')))),
      [{ name: 'a' }],
    )
    assert.equal((await run({ ...row, limitMs: 10 })).failed, 'it took too long')
  })

  it('ends at once when it is interrupted', async () => {
    const interrupt = new AbortController()
    const row = rowOf(
      (_side, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('cut')))
          interrupt.abort()
        }),
      [{ name: 'a' }],
    )
    await assert.rejects(run(row, { signal: interrupt.signal }), { name: 'AbortError' })
    assert.deepEqual(asked, ['a'])
  })
})
