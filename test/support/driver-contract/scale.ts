/** Many partitions, and what a driver keeps in memory of what it has done. */
import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createTestTopic, withAdmin } from '../kafka'
import { batchOf, failureOf, sendUntilStored, type ContractStage } from './stage'

const LANES = 1_000
const MEGABYTE = 1024 * 1024

export function scaleContract(stage: () => ContractStage): void {
  it('writes to 1,000 partitions at once', async () => {
    const topic = await createTestTopic(stage().brokers, { partitions: LANES })
    const producer = stage().producer(
      { requestTimeoutMs: 20_000 },
      stage().driver({ requestTimeoutMs: 30_000 }),
    )
    const lanes = Array.from({ length: LANES }, (_, partition) => partition)
    for (const round of [0, 1]) {
      const stored = await Promise.all(
        lanes.map((partition) => sendUntilStored(producer, topic, batchOf([`${round}`]), partition)),
      )
      assert.ok(stored.every(({ offset }) => offset === round))
    }
    const ends = await withAdmin(stage().brokers, (admin) => admin.fetchTopicOffsets(topic))
    assert.equal(ends.filter(({ high }) => high === '2').length, LANES)
    await withAdmin(stage().brokers, (admin) => admin.deleteTopics({ topics: [topic] }))
  })

  it('keeps nothing of what it has stored or given back', async () => {
    const topic = await createTestTopic(stage().brokers)
    const producer = stage().disturbed()
    const large = (): ReturnType<typeof batchOf> => batchOf(['x'.repeat(900_000)])
    await producer.send(topic, 0, large())
    const before = bytesInUse()
    for (let round = 0; round < 60; round++) await producer.send(topic, 0, large())
    stage().proxy.set({ refuse: true })
    stage().proxy.reset()
    for (let round = 0; round < 30; round++) await failureOf(producer.send(topic, 0, large()))
    const kept = bytesInUse() - before
    assert.ok(kept < 10 * MEGABYTE, `${Math.round(kept / MEGABYTE)} MB of 90`)
  })
}

/** After a garbage collection. */
function bytesInUse(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
