import assert from 'node:assert/strict'
import { partitionOfMessage } from '../../../../../src/kafka/drivers/kafkajs/producer'

describe('the partition of a message', () => {
  const metadata = [0, 1].map((partitionId) => ({
    ...{ partitionId, leader: 10 + partitionId, partitionErrorCode: 0 },
    ...{ replicas: [], isr: [] },
  }))
  const partitionOf = (partition: number, leader: number | undefined): number => {
    const message = { value: null, partition, leader }
    return partitionOfMessage({ topic: 't', partitionMetadata: metadata, message })
  }

  it('is the one that was chosen, whatever its leader, for a request of its own', () => {
    assert.equal(partitionOf(1, undefined), 1)
    // kafkajs finds no leader for it.
    assert.equal(partitionOf(7, undefined), 7)
  })

  it('is refused, before anything is sent, when the request that it shares goes to another leader', () => {
    assert.equal(partitionOf(1, 11), 1)
    for (const [partition, leader] of [
      [1, 10],
      [7, 10],
    ] as const) {
      assert.throws(() => partitionOf(partition, leader), { code: 'KAFKA_STALE_METADATA', retryable: true })
    }
  })
})
