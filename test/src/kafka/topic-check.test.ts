import assert from 'node:assert/strict'
import { newTopic, topicWarnings } from '../../../src/kafka/topic-check'

const topic = { topic: 'iot', partitions: 6, retentionMs: -1 }

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

  it('asks for two replicas in sync when it creates three', () => {
    const config = (replicas: number) => newTopic('iot', { partitions: 6, replicas, retentionMs: 5 }).config
    assert.deepEqual(config(3), { 'retention.ms': '5', 'min.insync.replicas': '2' })
    assert.deepEqual(config(1), { 'retention.ms': '5' })
  })
})
