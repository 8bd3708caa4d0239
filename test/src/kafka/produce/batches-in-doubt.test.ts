import assert from 'node:assert/strict'
import type { KafkaRecord } from '../../../../src/kafka/driver'
import { BatchesInDoubt } from '../../../../src/kafka/produce/batches-in-doubt'

const batch = (): readonly KafkaRecord[] => [{ key: null, value: null, headers: {}, timestamp: 0 }]

describe('a batch whose answer was lost', () => {
  const doubtful = batch()
  let batches: BatchesInDoubt
  beforeEach(() => {
    batches = new BatchesInDoubt()
    batches.failed('a-0', doubtful, true)
  })

  it('may be repeated as it is, and no other batch of its partition may be sent, not even an equal one', () => {
    assert.equal(batches.confuses('a-0', doubtful), false)
    assert.equal(batches.confuses('a-0', batch()), true)
  })

  it('does not concern other partitions', () => {
    assert.equal(batches.confuses('a-1', batch()), false)
  })

  it('is in doubt no longer once it is stored', () => {
    batches.stored('a-0')
    assert.equal(batches.confuses('a-0', batch()), false)
  })

  it('is in doubt no longer once the broker has refused it for good', () => {
    batches.failed('a-0', doubtful, false)
    assert.equal(batches.confuses('a-0', batch()), false)
  })
})
