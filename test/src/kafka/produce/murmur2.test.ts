import assert from 'node:assert/strict'
import { murmur2, partitionOfKey } from '../../../../src/kafka/produce/murmur2'

/** From `UtilsTest.testMurmur2` of Apache Kafka. */
const JAVA_VECTORS: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
]

describe('murmur2', () => {
  for (const [key, hash] of JAVA_VECTORS) {
    it(`gives "${key}" the hash that Kafka's Java client gives it`, () => {
      assert.equal(murmur2(Buffer.from(key)), hash)
    })
  }

  it('chooses the same partition for text and for its bytes', () => {
    assert.equal(partitionOfKey('acme/p1/dévice', 6), partitionOfKey(Buffer.from('acme/p1/dévice'), 6))
  })

  it('stays within the partitions, also for a negative hash and an empty key', () => {
    for (const key of ['21', 'foobar', '', 'x'.repeat(1000)]) {
      const partition = partitionOfKey(key, 6)
      assert.ok(partition >= 0 && partition < 6, `${key} → ${partition}`)
    }
  })
})
