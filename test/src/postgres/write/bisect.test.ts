import assert from 'node:assert/strict'
import fc from 'fast-check'
import { bisect, type Fault } from '../../../../src/postgres/write/bisect'

interface Trial {
  readonly written: number[]
  readonly bad: number[]
  readonly attempts: number
}

/** How many of the bad rows PostgreSQL names. */
type Naming = 'all' | 'none' | 'some'

/**
 * Bisects `count` rows; the table refuses a run of rows that has one of `refused` in it. As the sink does, it tries all
 * of them at one go first, and that counts too.
 */
async function trial(count: number, refused: ReadonlySet<number>, naming: Naming): Promise<Trial> {
  const written: number[] = []
  let attempts = 0
  const write = (from: number, to: number): Fault<string> | undefined => {
    attempts++
    for (let row = from; row < to; row++) {
      if (!refused.has(row)) continue
      const isNamed = naming === 'all' || (naming === 'some' && row % 3 === 0)
      return { error: `row ${row}`, ...(isNamed && { row: row - from }) }
    }
    for (let row = from; row < to; row++) written.push(row)
    return undefined
  }
  const first = count === 0 ? undefined : write(0, count)
  const bad =
    first === undefined
      ? []
      : await bisect<string>(count, (from, to) => Promise.resolve(write(from, to)), { first })
  for (const { index, error } of bad) assert.equal(error, `row ${index}`)
  return { written, bad: bad.map(({ index }) => index), attempts }
}

/** What the issue promises: statements for k bad rows among n. */
const most = (count: number, bad: number): number => bad * (1 + Math.log2(count)) + 2

async function assertFound(count: number, refused: ReadonlySet<number>, naming: Naming): Promise<void> {
  const { written, bad, attempts } = await trial(count, refused, naming)
  const all = Array.from({ length: count }, (_, index) => index)
  assert.deepEqual(
    bad,
    all.filter((index) => refused.has(index)),
  )
  assert.deepEqual(
    written,
    all.filter((index) => !refused.has(index)),
  )
  const limit = most(count, refused.size)
  assert.ok(
    attempts <= limit,
    `${attempts} attempts for ${[...refused].join()} of ${count}, at most ${limit}`,
  )
}

/** Bad rows side by side, with good ones between. */
const runsOfRows = fc
  .array(fc.tuple(fc.nat(1023), fc.integer({ min: 2, max: 5 })))
  .map((runs) => runs.flatMap(([from, length]) => Array.from({ length }, (_, index) => from + index)))

describe('bisecting', () => {
  for (const naming of ['none', 'some', 'all'] as const) {
    const named = `${naming} of them named by a fault`
    it(`finds exactly the bad rows and writes the others in order, for all places in up to 11 rows, ${named}`, async () => {
      for (let count = 1; count <= 11; count++) {
        for (let places = 0; places < 2 ** count; places++) {
          const refused = new Set(
            Array.from({ length: count }, (_, row) => row).filter((row) => places & (1 << row)),
          )
          await assertFound(count, refused, naming)
        }
      }
    })

    it(`keeps to its bound for any number of rows, ${named}`, () =>
      fc.assert(
        fc.asyncProperty(
          fc.oneof(fc.constant(1024), fc.integer({ min: 12, max: 1500 })),
          fc.oneof(fc.array(fc.nat(1499)), fc.array(fc.nat(40)), runsOfRows),
          (count, places) => assertFound(count, new Set(places.filter((place) => place < count)), naming),
        ),
        { numRuns: 500 },
      ))
  }

  it('tries a row alone that is left only because all others have passed', async () => {
    const tried: string[] = []
    const write = (from: number, to: number): Promise<undefined> => {
      tried.push(`${from}-${to}`)
      return Promise.resolve(undefined)
    }
    assert.deepEqual(await bisect(4, write, { first: { error: 'the parent is not there yet' } }), [])
    assert.deepEqual(tried, ['0-2', '2-3', '3-4'])
    tried.length = 0
    assert.deepEqual(await bisect(1, write, { first: { error: 'the parent is not there yet' } }), [])
    assert.deepEqual(tried, ['0-1'])
  })

  it('proves a fault against the row alone where it may come of the others', async () => {
    for (const row of [undefined, 1]) {
      const write = (from: number, to: number): Promise<Fault<string> | undefined> =>
        Promise.resolve(to - from > 1 ? { error: 'twice the same key', row } : undefined)
      assert.deepEqual(await bisect(64, write, { needsProof: () => true }), [])
    }
  })

  it('does not call a row bad that passes alone', async () => {
    let first = true
    const bad = await bisect<string>(8, (from, to) => {
      const fault = first || (to - from > 1 && from === 0) ? { error: 'together' } : undefined
      first = false
      return Promise.resolve(fault)
    })
    assert.deepEqual(bad, [])
  })

  for (const naming of ['none', 'all'] as const) {
    it(`costs one statement a row where nothing but bad rows are left, ${naming} of them named by the fault`, async () => {
      for (const count of [300, 1024]) {
        const { attempts } = await trial(count, new Set(Array(count).keys()), naming)
        const limit = count + 5 * Math.ceil(Math.log2(count))
        assert.ok(attempts <= limit, `${attempts} attempts, at most ${limit}`)
      }
    })
  }

  it('passes on an error that is no fault of a row', async () => {
    await assert.rejects(
      bisect(3, () => Promise.reject(new Error('gone'))),
      /gone/,
    )
  })

  it('tries nothing when there are no rows', async () => {
    assert.deepEqual(await trial(0, new Set(), 'none'), { written: [], bad: [], attempts: 0 })
  })
})
