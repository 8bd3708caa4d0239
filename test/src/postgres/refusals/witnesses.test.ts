import assert from 'node:assert/strict'
import type { PoolClient } from 'pg'
import type { EncodedPart } from '../../../../src/postgres/write/part-writer'
import type { RowTarget } from '../../../../src/postgres/write/row-target'
import { Witnesses } from '../../../../src/postgres/refusals/witnesses'
import type { WireRecord } from '../../../../src/wire/message'

const client = { query: () => Promise.resolve() } as unknown as PoolClient
const refusal = (code: string): Error => Object.assign(new Error('no'), { code, severity: 'ERROR' })

/** A table that answers to each row, by its tenant, with a SQLSTATE or takes it. */
const table = (answers: Record<string, string>, asked: string[] = []): RowTarget =>
  ({
    writer: {
      write: (_client: unknown, row: Buffer) => {
        const tenant = row.toString()
        asked.push(tenant)
        const code = answers[tenant]
        return code === undefined ? Promise.resolve(1) : Promise.reject(refusal(code))
      },
    },
  }) as unknown as RowTarget

const part = (...tenants: string[]): EncodedPart =>
  ({
    rows: {
      copy: { rows: tenants.length, slice: (from: number) => Buffer.from(tenants[from] ?? '') },
      records: tenants.map((tenant) => ({ tenant, payload: '' })),
    },
  }) as unknown as EncodedPart

const NONE: ReadonlySet<WireRecord> = new Set()

describe('rows that the table has taken lately', () => {
  it('are asked of other tenants first, and of the same one after them', async () => {
    const witnesses = new Witnesses()
    witnesses.note(part('a', 'b'), NONE)
    const ask = (answers: Record<string, string>): Promise<object> =>
      witnesses.ask(client, table(answers), new Set(['a']))
    assert.deepEqual(await ask({}), { anyPasses: true, othersPass: true })
    assert.deepEqual(await ask({ b: '23502' }), { anyPasses: true, othersPass: false })
    assert.deepEqual(await ask({ a: '23502', b: '23502' }), { anyPasses: false, othersPass: false })
  })

  it('pass when nothing but themselves is in their way', async () => {
    const witnesses = new Witnesses()
    witnesses.note(part('a'), NONE)
    for (const code of ['23505', '23P01']) {
      const { anyPasses } = await witnesses.ask(client, table({ a: code }), new Set())
      assert.equal(anyPasses, true, code)
    }
  })

  it('tell nothing when the connection fails: the batch is tried again', async () => {
    const witnesses = new Witnesses()
    witnesses.note(part('a'), NONE)
    await assert.rejects(witnesses.ask(client, table({ a: '57P01' }), new Set()), { kind: 'transient' })
  })

  it('are forgotten after an hour, and none is kept of what was refused', () => {
    let now = 0
    const witnesses = new Witnesses(() => now)
    const written = part('a', 'b')
    witnesses.note(written, new Set([written.rows.records[1] as WireRecord]))
    assert.deepEqual(
      [witnesses.hasOthers(new Set(['a'])), witnesses.hasOthers(new Set(['b']))],
      [false, true],
    )
    now += 3_600_001
    assert.equal(witnesses.hasOthers(new Set(['b'])), false)
  })

  it('are of few tenants, so that neither memory nor the number of questions grows with them', async () => {
    const witnesses = new Witnesses()
    for (let tenant = 0; tenant < 1000; tenant++) witnesses.note(part(`t${tenant}`), NONE)
    const asked: string[] = []
    const answers = Object.fromEntries(Array.from({ length: 1000 }, (_, tenant) => [`t${tenant}`, '23502']))
    await witnesses.ask(client, table(answers, asked), new Set(['x']))
    assert.deepEqual(asked, ['t999', 't998', 't997'])
  })
})
