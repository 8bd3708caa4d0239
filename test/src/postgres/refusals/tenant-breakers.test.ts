import assert from 'node:assert/strict'
import fc from 'fast-check'
import { bisect, type Fault } from '../../../../src/postgres/write/bisect'
import { divideBySuspicion, TenantBreakers } from '../../../../src/postgres/refusals/tenant-breakers'
import type { WireRecord } from '../../../../src/wire/message'

const of = (tenant: string, count: number): WireRecord[] =>
  Array.from({ length: count }, () => ({ tenant, payload: '' }))

describe('the breaker of a tenant', () => {
  const rejectAll = (): boolean => true
  const storeAll = (): boolean => false

  it('opens when twenty records in a row have been rejected, also over several batches', () => {
    const breakers = new TenantBreakers()
    breakers.note(of('bad', 19), rejectAll)
    assert.ok(!breakers.isOpen('bad'))
    breakers.note([...of('good', 5), ...of('bad', 1)], ({ tenant }) => tenant === 'bad')
    assert.deepEqual([breakers.isOpen('bad'), breakers.isOpen('good')], [true, false])
  })

  it('closes with the first record that is stored', () => {
    const breakers = new TenantBreakers()
    breakers.note(of('bad', 50), rejectAll)
    breakers.note(of('bad', 1), storeAll)
    assert.ok(!breakers.isOpen('bad'))
  })

  it('does not open for a tenant of which some records are stored', () => {
    const breakers = new TenantBreakers()
    const records = of('mixed', 200)
    breakers.note(records, (record) => records.indexOf(record) % 10 !== 0)
    assert.ok(!breakers.isOpen('mixed'))
  })

  it('forgets the tenant that was rejected longest ago when there are too many', () => {
    const breakers = new TenantBreakers()
    breakers.note(of('first', 50), rejectAll)
    for (let tenant = 0; tenant < 1000; tenant++) breakers.note(of(`t${tenant}`, 20), rejectAll)
    assert.ok(!breakers.isOpen('first'))
    assert.ok(breakers.isOpen('t999'))
  })
})

describe('records divided by suspicion', () => {
  it('stay in order, the suspects after the others and each apart', () => {
    const records = ['a', 'x', 'b', 'y', 'x', 'a'].map((tenant, payload) => ({ tenant, payload }))
    const runs = divideBySuspicion(records, (tenant) => tenant === 'x' || tenant === 'y')
    assert.deepEqual(
      runs.map((run) => run.map(({ payload }) => payload)),
      [[0, 2, 5], [1, 4], [3]],
    )
  })

  it('are one run when no tenant is suspected, or only one tenant is there', () => {
    assert.equal(divideBySuspicion(of('a', 3), () => false).length, 1)
    assert.equal(divideBySuspicion(of('a', 3), () => true).length, 1)
    assert.equal(divideBySuspicion([], () => true).length, 1)
  })

  /** As the writer does it: all at one go; then divided by the tenant of the row that was named, each run bisected. */
  async function statements(records: readonly WireRecord[], isBad: (row: WireRecord) => boolean) {
    let count = 0
    const guilty = records.find(isBad)?.tenant
    const bad: WireRecord[] = []
    for (const run of divideBySuspicion(records, (tenant) => tenant === guilty)) {
      const found = await bisect<string>(run.length, (from, to) => {
        count++
        const row = run.slice(from, to).findIndex(isBad)
        const fault: Fault<string> = { error: 'bad', row }
        return Promise.resolve(row === -1 ? undefined : fault)
      })
      bad.push(...found.map(({ index }) => run[index] as WireRecord))
    }
    return { count: count + 1, bad }
  }

  it('cost k · (1 + log2 n) + 2 statements at most for k bad ones among n, wherever they are', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { minLength: 8, maxLength: 300 }),
        fc.array(fc.nat(299), { minLength: 1 }),
        async (tenants, places) => {
          const records = tenants.map((tenant, payload) => ({ tenant: `t${tenant}`, payload }))
          const refused = new Set(places.map((place) => place % records.length))
          const { count, bad } = await statements(records, ({ payload }) => refused.has(payload as number))
          assert.deepEqual(new Set(bad.map(({ payload }) => payload)), refused)
          const most = refused.size * (1 + Math.log2(records.length)) + 2
          assert.ok(count <= most, `${count} statements, at most ${most}`)
        },
      ),
      { numRuns: 500 },
    ))
})
