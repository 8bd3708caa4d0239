import assert from 'node:assert/strict'
import { Gatherer } from '../../../../src/postgres/sink/gatherer'
import type { WireRecord } from '../../../../src/wire/message'

const records = (count: number, bytes = 1): WireRecord[] =>
  Array.from({ length: count }, () => ({ payload: Buffer.alloc(bytes) }))

/** Keeps every write open until `finish`. */
function gather(maxRows: number, maxBytes = 1e9, lingerMs = 0) {
  const groups: number[] = []
  const open: { resolve: (sizes: string) => void; reject: (error: Error) => void }[] = []
  const gatherer = new Gatherer<string>({ maxRows, maxBytes, lingerMs }, (all) => {
    groups.push(all.length)
    return new Promise((resolve, reject) => open.push({ resolve, reject }))
  })
  return { gatherer, groups, open }
}

describe('gathering single messages', () => {
  it('writes one group at a time, and what has come meanwhile in the next', async () => {
    const { gatherer, groups, open } = gather(100)
    const added = [1, 2, 3].map((count) => gatherer.add(records(count)))
    assert.deepEqual(groups, [1])
    open[0]?.resolve('first')
    assert.equal(await added[0], 'first')
    assert.deepEqual(groups, [1, 5])
    open[1]?.resolve('second')
    assert.deepEqual(await Promise.all(added), ['first', 'second', 'second'])
    assert.ok(gatherer.idle)
  })

  it('keeps groups within rows and bytes, except for a first message that is larger', async () => {
    const { gatherer, groups, open } = gather(10, 100)
    const added = [records(1), records(6), records(5), records(50), records(1, 90), records(1, 20)].map(
      (all) => gatherer.add(all),
    )
    for (let index = 0; index < 6; index++) {
      open[index]?.resolve('')
      await new Promise(setImmediate)
    }
    await Promise.all(added)
    assert.deepEqual(groups, [1, 6, 5, 50, 1, 1])
  })

  it('waits for the linger time, unless the group is full', async () => {
    const { gatherer, groups, open } = gather(3, 1e9, 60_000)
    const added = [gatherer.add(records(1)), gatherer.add(records(1))]
    assert.deepEqual(groups, [])
    added.push(gatherer.add(records(1)))
    assert.deepEqual(groups, [3])
    open[0]?.resolve('')
    await Promise.all(added)
  })

  it('fails every message of a group, and continues', async () => {
    const { gatherer, open } = gather(100)
    const failed = gatherer.add(records(1))
    const next = gatherer.add(records(1))
    open[0]?.reject(new Error('closed'))
    await assert.rejects(failed, /closed/)
    open[1]?.resolve('written')
    assert.equal(await next, 'written')
  })
})
