import assert from 'node:assert/strict'
import { Arrivals } from '../../../../src/postgres/table/arrivals'
import { DAY_MS } from '../../../../src/postgres/rows/record-time'
import { ServerClock } from '../../../../src/postgres/connect/server-clock'

const HOUR_MS = 3_600_000

describe('what a sink knows of the time apart from the clocks', () => {
  let passed = 0
  let setBy = 0
  let arrivals: Arrivals
  beforeEach(() => {
    passed = setBy = 0
    arrivals = new Arrivals(
      () => passed,
      () => 1.7e12 + passed + setBy,
    )
  })

  it('knows for an hour on which days rows fell', () => {
    arrivals.note([10, 12])
    passed += HOUR_MS - 1
    arrivals.note([12])
    passed += 1
    const lately = (day: number): boolean => arrivals.gotRowsLately(day * DAY_MS, (day + 1) * DAY_MS)
    assert.deepEqual([lately(10), lately(11), lately(12)], [false, false, true])
    assert.ok(arrivals.gotRowsLately(12.5 * DAY_MS, 12.75 * DAY_MS), 'a chunk of six hours')
  })

  it('keeps no more days than devices can reasonably send', () => {
    arrivals.note(Array.from({ length: 100_000 }, (_, day) => day))
    assert.equal(arrivals.gotRowsLately(0, DAY_MS), false)
    assert.ok(arrivals.gotRowsLately(99_999 * DAY_MS, 100_000 * DAY_MS))
  })

  for (const stepMs of [-HOUR_MS, HOUR_MS, 4 * DAY_MS]) {
    it(`notices that the clock was set by ${stepMs / HOUR_MS} hours, and forgets it after two days`, () => {
      passed += 30 * DAY_MS
      assert.equal(arrivals.clockWasSet, false)
      setBy = stepMs
      assert.equal(arrivals.clockWasSet, true)
      passed += DAY_MS
      assert.equal(arrivals.clockWasSet, true)
      passed += DAY_MS
      assert.equal(arrivals.clockWasSet, false)
    })
  }

  it('takes the small steps of a clock that is kept right for none', () => {
    setBy = 60_000
    assert.equal(arrivals.clockWasSet, false)
  })
})

describe("the server's clock", () => {
  it('runs on by itself, whatever this machine takes for the time of day', () => {
    let passed = 5
    const clock = new ServerClock(() => passed)
    clock.note(1_000_000)
    passed += 250
    assert.equal(clock.now(), 1_000_250)
  })

  it('is that of this machine until the server has given its own', () => {
    const before = Date.now()
    const now = new ServerClock().now()
    assert.ok(before <= now && now <= Date.now())
  })
})
