import assert from 'node:assert/strict'
import { countOffsets } from '../../../../src/postgres/ledger/passed-offsets'
import type { WireRecord } from '../../../../src/wire/message'

const at = (...offsets: (number | undefined)[]): WireRecord[] =>
  offsets.map((offset) => (offset === undefined ? {} : { kafka: { offset } }))

describe('the offsets that a position passes', () => {
  it('are all records when nothing is missing', () =>
    assert.deepEqual(countOffsets(0, 3, at(0, 1, 2)), { filtered: 0, added: 0 }))
  it('are filtered where no record came: before the batch, in it and after it', () =>
    assert.deepEqual(countOffsets(0, 10, at(5, 7)), { filtered: 8, added: 0 }))
  it('are filtered all when no record is left', () =>
    assert.deepEqual(countOffsets(4, 9, []), { filtered: 5, added: 0 }))
  it('count once when the flow has turned one record into several', () =>
    assert.deepEqual(countOffsets(0, 2, at(0, 0, 1, 0)), { filtered: 0, added: 2 }))
  it('are neither filtered nor anything else where Kafka had no record any more', () => {
    const gaps = [
      { from: 1, to: 3 },
      { from: 8, to: 20 },
    ]
    assert.deepEqual(countOffsets(0, 10, at(0, 5), gaps), { filtered: 4, added: 0 })
    assert.deepEqual(countOffsets(2, 10, at(5), gaps), { filtered: 4, added: 0 })
  })
  it('count the same in another order', () =>
    assert.deepEqual(countOffsets(0, 4, at(3, 1, 1, 0)), { filtered: 1, added: 1 }))
  it('do not count a record without an offset, or with one of elsewhere', () =>
    assert.deepEqual(countOffsets(10, 12, at(undefined, 3, 11, 12)), { filtered: 1, added: 3 }))
})
