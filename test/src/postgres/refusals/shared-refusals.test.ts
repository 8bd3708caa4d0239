import assert from 'node:assert/strict'
import type { RejectedRecord } from '../../../../src/postgres/rows/rejected'
import { SharedRefusals } from '../../../../src/postgres/refusals/shared-refusals'
import type { WireRecord } from '../../../../src/wire/message'

/** As many records as tenants are named: `'aab'` is two of `a` and one of `b`. */
const recordsOf = (tenants: string): WireRecord[] => [...tenants].map((tenant) => ({ tenant, payload: '' }))

class Sink {
  readonly refusals = new SharedRefusals()

  /** A batch of which every row is refused, and that is committed. */
  refuse(tenants: string, code = '23502', rule?: string, othersPass = true): void {
    const rejected = this.rejected(tenants, code, rule)
    this.refusals.claim(rejected, this.refusals.current, { othersPass })
    this.refusals.note(
      rejected.map(({ record }) => record),
      rejected,
    )
  }

  store(tenants: string): void {
    this.refusals.note(recordsOf(tenants), [])
  }

  rejected(tenants: string, code: string, rule?: string): RejectedRecord[] {
    return recordsOf(tenants).map((record) => ({ record, reason: { code, text: 'why', rule } }))
  }
}

const othersPass = { othersPass: true }

const isTableAtFault = { kind: 'configuration', message: /of several tenants, were refused in the same way/ }

describe('rows that are refused in the same way', () => {
  it('of several tenants are the fault of the table from the hundredth on, over as many batches as it takes', () => {
    const sink = new Sink()
    for (let batch = 0; batch < 9; batch++) sink.refuse('aabbcabcab')
    sink.refuse('abcabcabc')
    for (let attempt = 0; attempt < 3; attempt++) {
      assert.throws(() => sink.refuse('c'), {
        ...isTableAtFault,
        message: /the last 100 rows.*the first 99 of them are dead letters/,
      })
    }
    sink.store('a')
    sink.refuse('c')
  })

  it('are counted from zero when any row was stored', () => {
    const sink = new Sink()
    for (let batch = 0; batch < 100; batch++) {
      sink.refuse('aabbcabcab')
      if (batch % 9 === 8) sink.store('d')
    }
  })

  it('are those of one code and one column or constraint, whatever else is refused in between', () => {
    const sink = new Sink()
    for (let batch = 0; batch < 9; batch++) {
      sink.refuse('aabbcabcab', '23502', 'site')
      sink.refuse('aabbcabcab', '23502', 'line')
      sink.refuse('ab', `P000${batch}`)
    }
    assert.throws(() => sink.refuse('aabbcabcab', '23502', 'site'), isTableAtFault)
    sink.refuse('a', '23514')
  })

  it('of one tenant alone are never the fault of the table, nor with a few of another', () => {
    const sink = new Sink()
    for (let batch = 0; batch < 1000; batch++) sink.refuse('aaaaaaaaaa')
    sink.refuse('b'.repeat(9))
    assert.throws(() => sink.refuse('b'), isTableAtFault)
  })

  it('do not count for tenants whose own fault they are: the table took rows of others meanwhile', () => {
    const sink = new Sink()
    for (let day = 0; day < 10; day++) {
      sink.refuse('ababababab')
      sink.store('c')
    }
    for (let batch = 0; batch < 100; batch++) sink.refuse('ababababab')
    // In another way they count, and in this one too when the tenant has had a row stored.
    for (let batch = 0; batch < 9; batch++) sink.refuse('ababababab', '23514')
    assert.throws(() => sink.refuse('ababababab', '23514'), isTableAtFault)
    sink.store('ab')
    for (let batch = 0; batch < 9; batch++) sink.refuse('ababababab')
    assert.throws(() => sink.refuse('ababababab'), isTableAtFault)
  })

  it('count for batches that are under way at the same time, and not for one that was not committed', () => {
    const sink = new Sink()
    const claim = (): (() => void) =>
      sink.refusals.claim(sink.rejected('abcabcabca', '23502'), sink.refusals.current, othersPass)
    const claims = Array.from({ length: 9 }, claim)
    assert.throws(claim, isTableAtFault)
    for (const giveBack of claims.splice(0, 3)) giveBack()
    for (let batch = 0; batch < 3; batch++) claim()
    assert.throws(claim, isTableAtFault)
  })

  it('before the table was repaired, while it was at fault, are tried once more under the next count', () => {
    const sink = new Sink()
    const late = sink.rejected('abc', '23502')
    const before = sink.refusals.current
    for (let batch = 0; batch < 9; batch++) sink.refuse('aabbcabcab')
    assert.throws(() => sink.refuse('aabbcabcab'), isTableAtFault)
    sink.store('d')
    assert.throws(() => sink.refusals.claim(late, before, othersPass), { kind: 'transient', retryable: true })
    sink.refusals.claim(late, sink.refusals.current, othersPass)
  })

  it('are not tried once more when the table was never at fault', () => {
    const sink = new Sink()
    const before = sink.refusals.current
    for (let batch = 0; batch < 9; batch++) sink.refuse('aabbcabcab')
    sink.store('d')
    sink.refusals.claim(sink.rejected('abc', '23502'), before, othersPass)
  })

  it('are not counted when they are the fate of a tenant with a table of its own', () => {
    const sink = new Sink()
    for (let batch = 0; batch < 20; batch++) sink.refuse('abcabcabca', 'TENANT_TABLE')
  })

  describe('while no other row passes', () => {
    const nothingPasses = { kind: 'configuration', message: /and the table takes no others/ }
    const unproven = false
    const refuse = (sink: Sink, tenants: string, code = '23502'): void =>
      sink.refuse(tenants, code, undefined, unproven)

    it('are the fault of the table from the 51st on, of a single tenant and in many ways', () => {
      const sink = new Sink()
      for (let batch = 0; batch < 5; batch++) refuse(sink, 'aaaaaaaaaa', `2200${batch}`)
      for (let attempt = 0; attempt < 3; attempt++) {
        assert.throws(() => refuse(sink, 'a'), {
          ...nothingPasses,
          message: /the last 51 rows.*the first 50 of them are dead letters/,
        })
      }
      sink.store('a')
      refuse(sink, 'a')
    })

    it('are the fault of the table at once in a long batch, and nothing is written off', () => {
      const sink = new Sink()
      assert.throws(() => refuse(sink, 'a'.repeat(51)), {
        ...nothingPasses,
        message: /all 51 rows of a batch.*nothing was written off/,
      })
    })

    it('count for their topic, whatever is stored of another one', () => {
      const sink = new Sink()
      const other = { kafka: { topic: 'other' } }
      for (let batch = 0; batch < 5; batch++) {
        refuse(sink, 'aaaaaaaaaa')
        sink.refusals.note([{ tenant: 'a', payload: '', ...other }], [])
      }
      assert.throws(() => refuse(sink, 'a'), nothingPasses)
    })

    it('are written off after all when rows of their topic were stored after the batch was stopped', () => {
      const sink = new Sink()
      const batch = sink.rejected('a'.repeat(60), '22P02')
      const claim = (begunUnder = sink.refusals.current): unknown =>
        sink.refusals.claim(batch, begunUnder, { othersPass: false })
      assert.throws(() => claim(), nothingPasses)
      const before = sink.refusals.current
      sink.store('a')
      // The table may have been repaired while the attempt was under way.
      assert.throws(() => claim(before), { kind: 'transient' })
      claim()
    })

    it('do not count for a batch that was not committed, nor for tenants whose own fault they are', () => {
      const sink = new Sink()
      const claim = (): (() => void) =>
        sink.refusals.claim(sink.rejected('a'.repeat(30), '23502'), sink.refusals.current, {
          othersPass: false,
        })
      claim()()
      claim()
      assert.throws(claim, nothingPasses)
      sink.store('b')
      for (let n = 0; n < 20; n++) sink.refuse('a')
      sink.store('b')
      for (let n = 0; n < 100; n++) refuse(sink, 'a')
    })
  })
})
