import assert from 'node:assert/strict'
import fc from 'fast-check'
import { FetchPace, type Answered } from '../../../../../src/kafka/group/partitions/fetch-pace'

const LINGER_MS = 25

describe('the pace of fetches', () => {
  let now = 0
  let whole: number | undefined = 0
  const paceOf = (lingerMs = LINGER_MS): FetchPace => {
    now = 0
    whole = 0
    return new FetchPace({ lingerMs, maxWaitMs: 500, whole: () => whole, now: () => now })
  }

  it('rests after an answer that brought all that there was, and after no other one', () => {
    for (const [answered, ms] of [
      ['nothing', 0],
      ['part', 0],
      ['everything', LINGER_MS],
    ] as const) {
      const pace = paceOf()
      assert.equal(pace.restMs('1'), 0, 'the first fetch')
      pace.answered('1', answered)
      assert.equal(pace.restMs('1'), ms, answered)
      assert.equal(pace.restMs('2'), 0, 'another broker')
    }
  })

  it('counts from the answer, not from the end of what was done with it', () => {
    const pace = paceOf()
    pace.answered('1', 'everything')
    now = 20
    assert.equal(pace.restMs('1'), 5)
    now = 25
    assert.equal(pace.restMs('1'), 0)
  })

  it('never rests when the linger is 0', () => {
    const pace = paceOf(0)
    pace.answered('1', 'everything')
    assert.equal(pace.restMs('1'), 0)
  })

  it('has all brokers end a round together, and begins the next one with the next answer', () => {
    const pace = paceOf()
    pace.answered('1', 'everything')
    now = 10
    pace.answered('2', 'everything')
    assert.deepEqual([pace.restMs('1'), pace.restMs('2')], [15, 15])
    now = 27
    pace.answered('2', 'everything')
    assert.deepEqual(
      [pace.restMs('1'), pace.restMs('2')],
      [0, 25],
      'one that is late does not wait for the others',
    )
  })

  it('fetches a record as soon as it is there after a quiet time, and no later than the linger otherwise', () => {
    const arrivals = fc.array(fc.nat(100), { maxLength: 60 })
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 60 }), (gaps, lingerMs) => {
        const pace = paceOf(lingerMs)
        let at = 0
        const times = gaps.map((gap) => (at += gap))
        let fetches = 0
        let lastMs = -Infinity
        for (let next = 0; next < times.length;) {
          // The fetch begins when it may, and is answered when a record is there.
          now += pace.restMs('1')
          now = Math.max(now, times[next] as number)
          const waited = now - (times[next] as number)
          assert.ok(waited <= lingerMs)
          if ((times[next] as number) - lastMs >= lingerMs) assert.equal(waited, 0)
          lastMs = now
          while ((times[next] ?? Infinity) <= now) next++
          fetches++
          pace.answered('1', 'everything')
        }
        assert.ok(fetches <= 1 + at / lingerMs + 1)
      }),
    )
  })

  it('reads a backlog without a rest, whatever came before', () => {
    const answers = fc.array(fc.constantFrom<Answered>('nothing', 'everything', 'part'), { maxLength: 20 })
    fc.assert(
      fc.property(answers, (before) => {
        const pace = paceOf()
        for (const answered of before) {
          now += pace.restMs('1')
          pace.answered('1', answered)
        }
        now += pace.restMs('1')
        for (let fetch = 0; fetch < 3; fetch++) {
          pace.answered('1', 'part')
          assert.equal(pace.restMs('1'), 0)
        }
      }),
    )
  })

  it('waits at the broker for long only with a fetch that asks for every partition', () => {
    const pace = paceOf()
    assert.equal(pace.waitMs('1'), 100, 'nothing is known of the fetch')
    pace.begin('1')
    assert.equal(pace.waitMs('1'), 500)
    whole = 1
    assert.equal(pace.waitMs('1'), 100, 'a partition came back while the fetch was composed')
    pace.begin('1')
    assert.equal(pace.waitMs('1'), 500)
    whole = undefined
    assert.equal(pace.waitMs('1'), 100, 'a partition is paused')
    pace.begin('1')
    whole = 2
    assert.equal(pace.waitMs('1'), 100, 'it was paused when the fetch was begun')
  })

  it('says whether it had to rest, rests no longer than the limit, and not at all when the partitions are given up', async () => {
    const pace = paceOf(3_600_000)
    assert.equal(await pace.rest('1', 1), false)
    pace.answered('1', 'everything')
    assert.equal(await pace.rest('1', 1), true, 'the limit')
    assert.equal(pace.restMs('1'), 3_600_000, 'what is left')
    const resting = [pace.rest('1', 3_600_000), pace.rest('1', 3_600_000)]
    pace.end()
    assert.deepEqual(await Promise.all(resting), [true, true])
    assert.equal(await pace.rest('1', 3_600_000), false)
  })
})
