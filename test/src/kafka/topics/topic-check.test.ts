import assert from 'node:assert/strict'
import { compactionWarnings, topicWarnings as warningsFor } from '../../../../src/kafka/topics/topic-check'
import { newTopic, replicasFor } from '../../../../src/kafka/topics/topic-plan'
import type { TopicDescription } from '../../../../src/kafka/driver'

const topic = {
  topic: 'iot',
  partitions: 6,
  retentionMs: -1,
  cleanupPolicy: 'delete',
  hasAppendTime: true,
  maxMessageBytes: 1_048_588,
}
const topicWarnings = (description: TopicDescription): string[] => warningsFor(description, 900_000)

describe('the check of a topic', () => {
  it('warns of a single replica', () => {
    assert.match(topicWarnings({ ...topic, replicas: 1, minInSyncReplicas: 1 }).join(), /one replica/)
  })

  it('warns when one replica in sync is enough for an acknowledgement', () => {
    assert.match(
      topicWarnings({ ...topic, replicas: 3, minInSyncReplicas: 1 }).join(),
      /min\.insync\.replicas to 2/,
    )
  })

  it('warns when one broker less stops all writing', () => {
    assert.match(
      topicWarnings({ ...topic, replicas: 3, minInSyncReplicas: 3 }).join(),
      /nothing can be written/,
    )
  })

  it('is silent about two of three, and about what it may not read', () => {
    assert.deepEqual(topicWarnings({ ...topic, replicas: 3, minInSyncReplicas: 2 }), [])
    assert.deepEqual(topicWarnings({ ...topic, replicas: 3, minInSyncReplicas: undefined }), [])
  })

  it('warns of a topic that takes less than the producer sends at once, to the byte', () => {
    const sound = { ...topic, replicas: 3, minInSyncReplicas: 2 }
    const said = (maxMessageBytes: number | undefined): string =>
      topicWarnings({ ...sound, maxMessageBytes }).join()
    assert.match(
      said(899_999),
      /at most 899,999 bytes \(max\.message\.bytes\).* up to 900,000:.*KAFKA_RECORD_TOO_LARGE/,
    )
    assert.deepEqual([said(900_000), said(undefined)], ['', ''])
  })

  it('asks for two replicas in sync when it creates three', () => {
    const config = (replicas: number) => newTopic('iot', { partitions: 6, replicas, retentionMs: 5 }).config
    assert.deepEqual([config(3)['min.insync.replicas'], config(1)['min.insync.replicas']], ['2', undefined])
  })

  it('has as many replicas as brokers, at most three, when a node leaves it to the cluster', () => {
    assert.deepEqual([0, 1, 2, 3, 9].map(replicasFor), [1, 1, 2, 3, 3])
  })

  it('warns of a compacted topic, the writer and the reader alike, whatever its replicas are', () => {
    for (const cleanupPolicy of ['compact', 'compact,delete', 'delete,compact']) {
      for (const replicas of [1, 3]) {
        const compacted = { ...topic, replicas, minInSyncReplicas: 2, cleanupPolicy }
        assert.match(compactionWarnings(compacted).join(), /compacted/)
        assert.match(topicWarnings(compacted)[0] ?? '', /compacted/)
      }
    }
    for (const cleanupPolicy of ['delete', undefined])
      assert.deepEqual(compactionWarnings({ ...topic, replicas: 3, minInSyncReplicas: 2, cleanupPolicy }), [])
  })

  it('asks for what protects the records, whatever the defaults of the broker are', () => {
    assert.deepEqual(newTopic('iot', { partitions: 6, replicas: 1, retentionMs: 5 }).config, {
      'cleanup.policy': 'delete',
      'compression.type': 'producer',
      'message.timestamp.type': 'LogAppendTime',
      'retention.ms': '5',
    })
  })
})
