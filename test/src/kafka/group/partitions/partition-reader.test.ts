import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ConsumedBatch, ConsumedRecord } from '../../../../../src/kafka/driver'
import {
  PartitionReader,
  type FetchedRange,
} from '../../../../../src/kafka/group/partitions/partition-reader'
import { consumedRecord } from '../../../../support/consumed-records'

const partition = { topic: 't', partition: 3 }

function record(offset: number, size = 10): ConsumedRecord {
  return consumedRecord({ offset, value: Buffer.alloc(size) })
}

/** A fetched range with these offsets. */
function range(
  fetchedOffset: number,
  offsets: readonly number[],
  nextOffset = (offsets.at(-1) ?? -1) + 1,
): FetchedRange {
  return { fetchedOffset, nextOffset, records: offsets.map((offset) => record(offset)), highWatermark: 100 }
}

function reader(maxRecords = 100, maxBytes = 1_000_000): PartitionReader {
  return new PartitionReader(partition, { maxRecords, maxBytes })
}

/** Takes and settles everything that waits. */
function drain(it: PartitionReader): ConsumedBatch[] {
  const batches: ConsumedBatch[] = []
  for (let batch = it.take(); batch !== undefined; batch = it.take()) {
    batches.push(batch)
    it.settle()
  }
  return batches
}

const offsetsOf = (batches: readonly ConsumedBatch[]): number[] =>
  batches.flatMap((batch) => batch.records.map(({ offset }) => offset))

describe('PartitionReader', () => {
  it('takes nothing before its start offset is known', () => {
    const it = reader()
    assert.equal(it.accept(range(0, [0, 1])), 'ignored')
    assert.equal(it.wantsMore, false)
    it.start(1)
    assert.equal(it.wantsMore, true)
    assert.equal(it.position, 1)
  })

  it('cuts a range that begins below the position, and drops one that ends there', () => {
    const it = reader()
    it.start(5)
    assert.equal(it.accept(range(0, [0, 1, 2, 3, 4])), 'behind')
    assert.equal(it.accept(range(0, [3, 4, 5, 6])), 'taken')
    assert.deepEqual(offsetsOf(drain(it)), [5, 6])
  })

  it('refuses a range that was fetched from beyond the position', () => {
    const it = reader()
    it.start(5)
    assert.equal(it.accept(range(9, [9, 10])), 'ahead')
    assert.equal(it.position, 5)
    assert.equal(it.take(), undefined)
  })

  it('covers gaps between offsets, so that its batches tile the partition', () => {
    const it = reader(2)
    it.start(5)
    it.accept(range(5, [7, 9, 20], 25))
    it.accept(range(25, [], 30))
    it.accept(range(30, [31]))
    const batches = drain(it)
    assert.deepEqual(
      batches.map(({ firstOffset, nextOffset }) => [firstOffset, nextOffset]),
      [
        [5, 10],
        [10, 32],
      ],
    )
  })

  it('hands out one batch at a time', () => {
    const it = reader(1)
    it.start(0)
    it.accept(range(0, [0, 1]))
    assert.equal(it.take()?.nextOffset, 1)
    assert.equal(it.take(), undefined)
    assert.equal(it.settled, 0)
    it.settle()
    assert.equal(it.settled, 1)
    assert.equal(it.take()?.nextOffset, 2)
  })

  it('joins what several fetches have brought, up to the limits, and knows the newest end of the partition', () => {
    const it = reader(4)
    it.start(0)
    it.accept(range(0, [0]))
    it.accept(range(1, [1, 2], 4))
    it.accept({ ...range(4, [4, 5]), highWatermark: 200 })
    it.accept({ ...range(6, [6]), highWatermark: 300 })
    assert.deepEqual(
      drain(it).map(({ records, firstOffset, nextOffset, highWatermark }) => [
        records.map(({ offset }) => offset),
        ...[firstOffset, nextOffset, highWatermark],
      ]),
      [
        [[0, 1, 2, 4], 0, 5, 100],
        [[5, 6], 5, 7, 300],
      ],
    )
  })

  it('bounds a batch by bytes, and lets a single large record pass', () => {
    const it = reader(100, 25)
    it.start(0)
    it.accept({ ...range(0, []), nextOffset: 4, records: [record(0), record(1), record(2, 99), record(3)] })
    assert.deepEqual(
      drain(it).map(({ records }) => records.length),
      [2, 1, 1],
    )
  })

  it('wants more until several batches wait, so that a pause of the fetches does not starve the flow', () => {
    const it = reader(2)
    it.start(0)
    let end = 0
    for (; it.wantsMore; end += 2) it.accept(range(end, [end, end + 1]))
    assert.equal(end / 2, 8)
    it.take()
    assert.equal(it.wantsMore, true)
  })

  it('wants no second batch when one is large: what waits for the others shares the memory with it', () => {
    const it = new PartitionReader(
      { topic: 't', partition: 0 },
      { maxRecords: 10, maxBytes: 64 * 1024 * 1024 },
    )
    it.start(0)
    const large = (offset: number): FetchedRange => ({
      ...range(offset, []),
      nextOffset: offset + 1,
      records: [record(offset, 5 * 1024 * 1024)],
    })
    let end = 0
    for (; it.wantsMore; end++) it.accept(large(end))
    assert.equal(end, 10)
  })

  it('forgets what is waiting when it is stopped or revoked', () => {
    for (const end of ['stop', 'revoke'] as const) {
      const it = reader()
      it.start(0)
      it.accept(range(0, [0]))
      it[end]()
      assert.equal(it.take(), undefined)
      assert.equal(it.waitingBytes, 0)
      assert.equal(it.accept(range(1, [1])), 'ignored')
    }
  })

  it('stays revoked when it is stopped afterwards', () => {
    const it = reader()
    it.revoke()
    it.stop()
    assert.equal(it.isRevoked, true)
  })

  it('hands out each offset once and in order, whatever is fetched from wherever', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(40), fc.nat(12)), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(20),
        (fetches, maxRecords, start) => {
          const it = reader(maxRecords)
          it.start(start)
          const batches: ConsumedBatch[] = []
          for (const [from, length] of fetches) {
            // Every third offset is compacted away.
            const offsets = Array.from({ length }, (_, i) => from + i).filter((offset) => offset % 3 !== 0)
            const taken = it.accept(range(from, offsets, from + length))
            assert.equal(taken === 'ahead', from > it.position && taken !== 'taken')
            if (length % 2 === 0) batches.push(...drain(it))
          }
          batches.push(...drain(it))
          assert.equal(it.waitingBytes, 0)
          const expected: number[] = []
          for (let offset = start; offset < it.position; offset++) if (offset % 3 !== 0) expected.push(offset)
          assert.deepEqual(offsetsOf(batches), expected)
          batches.forEach(({ records }) => assert.ok(records.length <= maxRecords))
          batches.forEach((batch, i) =>
            assert.equal(batch.firstOffset, i === 0 ? start : batches[i - 1]?.nextOffset),
          )
        },
      ),
    )
  })
})
