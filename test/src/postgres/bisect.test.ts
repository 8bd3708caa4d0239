import assert from 'node:assert/strict'
import fc from 'fast-check'
import { bisect, type Fault } from '../../../src/postgres/bisect'

interface Trial {
  readonly written: number[]
  readonly bad: number[]
  readonly attempts: number
}

/** Bisects `count` rows; the table refuses a run of rows that has one of `refused` in it. */
async function trial(count: number, refused: ReadonlySet<number>, named: boolean): Promise<Trial> {
  const written: number[] = []
  let attempts = 0
  const bad = await bisect<string>(count, (from, to) => {
    attempts++
    for (let row = from; row < to; row++) {
      if (!refused.has(row)) continue
      const fault: Fault<string> = named ? { error: `row ${row}`, row: row - from } : { error: `row ${row}` }
      return Promise.resolve(fault)
    }
    for (let row = from; row < to; row++) written.push(row)
    return Promise.resolve(undefined)
  })
  return { written, bad: bad.map(({ index }) => index), attempts }
}

describe('bisecting', () => {
  for (const named of [false, true]) {
    it(`finds exactly the bad rows and writes the others in order, ${named ? 'named' : 'not named'} by the fault`, () =>
      fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 300 }), fc.array(fc.nat(299)), async (count, places) => {
          const refused = new Set(places.filter((place) => place < count))
          const { written, bad, attempts } = await trial(count, refused, named)
          assert.deepEqual(
            bad,
            [...refused].sort((a, b) => a - b),
          )
          assert.deepEqual(
            written,
            Array.from({ length: count }, (_, index) => index).filter((index) => !refused.has(index)),
          )
          const most = refused.size * (2 + Math.ceil(Math.log2(count))) + 1
          assert.ok(attempts <= most, `${attempts} attempts, at most ${most}`)
        }),
      ))
  }

  it('does not call a row bad that passes alone', async () => {
    let first = true
    const bad = await bisect<string>(8, (from, to) => {
      const fault = first || (to - from > 1 && from === 0) ? { error: 'together' } : undefined
      first = false
      return Promise.resolve(fault)
    })
    assert.deepEqual(bad, [])
  })

  for (const named of [false, true]) {
    it(`costs one statement a row where nothing but bad rows are left, ${named ? 'named' : 'not named'}`, async () => {
      const { attempts } = await trial(300, new Set(Array.from({ length: 300 }, (_, row) => row)), named)
      assert.ok(attempts <= 300 + 2 * Math.ceil(Math.log2(300)), `${attempts} attempts`)
    })
  }

  it('hands on an error that is no fault of a row', async () => {
    await assert.rejects(
      bisect(3, () => Promise.reject(new Error('gone'))),
      /gone/,
    )
  })

  it('tries nothing when there are no rows', async () => {
    assert.deepEqual(await trial(0, new Set(), false), { written: [], bad: [], attempts: 0 })
  })
})
