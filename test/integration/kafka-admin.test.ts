import assert from 'node:assert/strict'
import { KafkaJsAdmin } from '../../src/kafka/drivers/kafkajs/admin'
import type { PipelineError } from '../../src/wire/errors'
import { FaultProxy } from '../faults/fault-proxy'
import { createTestTopic, sharedKafka } from '../support/kafka'
import { until } from '../support/until'

function adminBehind(proxy: FaultProxy): KafkaJsAdmin {
  const connection = {
    brokers: [proxy.address],
    clientId: 'test',
    tls: undefined,
    sasl: undefined,
    connectionTimeoutMs: 2000,
    requestTimeoutMs: 500,
  }
  return new KafkaJsAdmin(connection, () => undefined)
}

describe('asking Kafka for topics', () => {
  it('gives up a silent broker in time although the clock was set back by an hour meanwhile', async () => {
    const { address } = await sharedKafka()
    const topic = await createTestTopic(address)
    const proxy = await FaultProxy.start(Number(address.split(':')[1]))
    const admin = adminBehind(proxy)
    const realNow = Date.now
    try {
      proxy.set({ blackHole: true })
      const asked = admin.partitionCount(topic)
      await until('the question is on its way', () => proxy.swallowedBytes > 0)
      Date.now = () => realNow() - 3_600_000
      await assert.rejects(asked, { code: 'KAFKA_UNREACHABLE' })
    } finally {
      Date.now = realNow
      await admin.close()
      await proxy.stop()
    }
  })

  it('connects again when the first connection was made and never answered', async () => {
    const { address } = await sharedKafka()
    const topic = await createTestTopic(address, { partitions: 3 })
    const proxy = await FaultProxy.start(Number(address.split(':')[1]))
    const admin = adminBehind(proxy)
    try {
      proxy.set({ blackHole: true })
      // The second attempt finds the client of the first one connected, and not ready to be used.
      for (let attempt = 0; attempt < 2; attempt++) await assert.rejects(admin.partitionCount(topic))
      proxy.set({})
      await until('it answers', () =>
        admin.partitionCount(topic).then(
          (count) => count === 3,
          (error: PipelineError) => !error.retryable,
        ),
      )
    } finally {
      await admin.close()
      await proxy.stop()
    }
  })

  it('learns how large a request may be', async () => {
    const { address } = await sharedKafka()
    const connection = { brokers: [address], clientId: 'test', tls: undefined, sasl: undefined }
    const admin = new KafkaJsAdmin(
      { ...connection, connectionTimeoutMs: 2000, requestTimeoutMs: 2000 },
      () => undefined,
    )
    try {
      assert.equal(await admin.requestLimit(), 104_857_600)
    } finally {
      await admin.close()
    }
  })
})
