import assert from 'node:assert/strict'
import fc from 'fast-check'
import { judgeDrop, type DropQuestion, type Part } from '../../../../src/postgres/table/drop-guard'
import { DAY_MS } from '../../../../src/postgres/rows/record-time'

const HOUR_MS = DAY_MS / 24
const TODAY = 20_000
const NOON = (TODAY + 0.5) * DAY_MS

const part = (day: number, more: Partial<Part> = {}): Part => ({
  name: `p${day - TODAY}`,
  fromMs: day * DAY_MS,
  toMs: (day + 1) * DAY_MS,
  hasRows: true,
  ...more,
})

/** Days from the oldest to today are there, those before the last `days` are due. */
function question(
  parts: readonly Part[],
  more: Partial<DropQuestion> & { nowMs?: number } = {},
): DropQuestion {
  const { nowMs = NOON, ...rest } = more
  const firstKept = Math.floor(nowMs / DAY_MS) - 3
  return {
    parts,
    due: parts.filter(({ fromMs }) => fromMs < firstKept * DAY_MS),
    clocks: { oursMs: nowMs, serverMs: nowMs },
    longestWaitMs: 3 * DAY_MS,
    clockWasSet: false,
    gotRowsLately: () => false,
    ...rest,
  }
}
const daily = (from: number, to: number): Part[] =>
  Array.from({ length: to - from + 1 }, (_, index) => part(TODAY + from + index))
const names = (parts: readonly Part[]): string[] => parts.map(({ name }) => name)

describe('the guard of the retention', () => {
  it('lets go what is due when rows came every day', () => {
    const { drop, reason } = judgeDrop(question(daily(-5, 0)))
    assert.deepEqual([names(drop), reason], [['p-5', 'p-4'], undefined])
  })

  it('also before the first row of today has come', () => {
    assert.deepEqual(names(judgeDrop(question(daily(-5, -1))).drop), ['p-5', 'p-4'])
  })

  for (const [which, aheadMs] of [
    ['this machine', 4 * DAY_MS],
    ['this machine, by ten minutes', HOUR_MS / 6],
    ['PostgreSQL', -4 * DAY_MS],
  ] as const) {
    it(`drops nothing while the clock of ${which} is ahead of the other`, () => {
      const clocks = { oursMs: NOON + Math.max(0, aheadMs), serverMs: NOON + Math.max(0, -aheadMs) }
      const { drop, putOff, reason } = judgeDrop({ ...question(daily(-5, 0)), clocks })
      assert.deepEqual([drop, putOff], [[], []])
      assert.match(String(reason), /here and .* at PostgreSQL/)
    })
  }

  it('puts off what looks due because the clock of the only machine has jumped, rows written since or not', () => {
    for (const jumpDays of [2, 4, 40, 4000]) {
      const nowMs = NOON + jumpDays * DAY_MS
      for (const since of [[], [part(TODAY + jumpDays)]]) {
        const asked = question([...daily(-3, 0), ...since], { nowMs })
        const { drop, putOff, reason } = judgeDrop(asked)
        assert.deepEqual([drop, putOff.length], [[], asked.due.length], `${jumpDays} days`)
        assert.match(String(reason), /no rows between/)
      }
    }
  })

  it('lets go what was put off when it has waited for as long as nothing came, at most for as long as rows are kept', () => {
    for (const [jumpDays, waitDays] of [
      [2.5, 2],
      [4, 3],
      [4000, 3],
    ] as const) {
      const nowMs = NOON + jumpDays * DAY_MS
      const putOff = (agoMs: number): Part[] =>
        daily(-5, 0).map((it) => ({ ...it, putOffAtMs: nowMs - agoMs }))
      const dropped = (agoMs: number): number => judgeDrop(question(putOff(agoMs), { nowMs })).drop.length
      const { due } = question(putOff(0), { nowMs })
      assert.equal(dropped(waitDays * DAY_MS - 1), 0, `${jumpDays} days`)
      assert.equal(dropped(waitDays * DAY_MS), due.length)
      assert.equal(dropped(-HOUR_MS), 0, 'put off by a clock that was ahead')
    }
  })

  it('keeps rows that were written under a clock that was behind until they are as old as the table keeps, and no others', () => {
    const behind = [part(TODAY - 4000), part(TODAY - 3999)]
    const asked = (agoMs: number): DropQuestion =>
      question([...behind.map((it) => ({ ...it, putOffAtMs: NOON - agoMs })), ...daily(-5, 0)])
    const young = judgeDrop(asked(3 * DAY_MS - 1))
    assert.deepEqual([names(young.drop), names(young.putOff)], [['p-5', 'p-4'], names(behind)])
    assert.equal(judgeDrop(asked(3 * DAY_MS)).drop.length, 4)
  })

  it('puts off for a day when the clock was set while we watched', () => {
    const { drop, putOff } = judgeDrop(question(daily(-5, 0), { clockWasSet: true }))
    assert.deepEqual([names(drop), names(putOff)], [[], ['p-5', 'p-4']])
  })

  it('keeps what got rows within the last hour, and says nothing', () => {
    const { drop, reason } = judgeDrop(
      question(daily(-5, 0), { gotRowsLately: ({ name }) => name === 'p-4' }),
    )
    assert.deepEqual([names(drop), reason], [['p-5'], undefined])
  })

  it('lets go what has no rows, whatever the clocks say', () => {
    const empty = daily(-5, -4).map((it) => ({ ...it, hasRows: false }))
    const clocks = { oursMs: NOON, serverMs: NOON + 9 * DAY_MS }
    const { drop, reason } = judgeDrop({ ...question([...empty, ...daily(-3, 0)]), clocks })
    assert.deepEqual(names(drop), ['p-5', 'p-4'])
    assert.match(String(reason), /at PostgreSQL/)
  })

  it('never lets go rows at once that are due only because of a jump of two days or more', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: -10, max: 0 }), { minLength: 1 }),
        fc.integer({ min: 2, max: 10_000 }),
        fc.boolean(),
        (days, jump, goesOn) => {
          // Rows came today, when the clock jumped.
          const there = [...new Set([...days, 0])].sort((a, b) => a - b).map((day) => part(TODAY + day))
          const since = goesOn ? [part(TODAY + jump)] : []
          const asked = question([...there, ...since], { nowMs: NOON + jump * DAY_MS })
          assert.deepEqual(judgeDrop(asked).drop, [])
        },
      ),
    )
  })
})
