import assert from 'node:assert/strict'
import type { KafkaRecord } from '../../../../src/kafka/driver'
import { TopicRefusals } from '../../../../src/kafka/topics/topic-refusals'
import { VanishedPartitions } from '../../../../src/kafka/topics/vanished-partitions'
import { PipelineError } from '../../../../src/wire/errors'

const refused = new PipelineError('KAFKA_INVALID_RECORD', 'refused', { retryable: false })
const recordOf = (key: string | null): KafkaRecord => ({ key, value: null, headers: {}, timestamp: 0 })

describe('records that a topic refuses', () => {
  let nowMs = 0
  beforeEach(() => {
    nowMs = 0
  })
  const isWrittenOff = (refusals: TopicRefusals, key: string | null, topic = 't'): boolean =>
    refusals.judge(topic, [recordOf(key)], refused) === refused
  const writtenOff = (refusals: TopicRefusals, keys: readonly (string | null)[]): number =>
    keys.filter((key) => isWrittenOff(refusals, key)).length

  it('are written off fifty at most, when they are of several devices or of none', () => {
    const devices = Array.from({ length: 300 }, (_, at) => `device-${at % 7}`)
    assert.equal(writtenOff(new TopicRefusals(() => nowMs), devices), 50)
    assert.equal(
      writtenOff(
        new TopicRefusals(() => nowMs),
        Array.from({ length: 300 }, () => null),
      ),
      50,
    )
  })

  it('of a single device are written off without end: it does not hold up the others', () => {
    const one = Array.from({ length: 300 }, () => 'device-1')
    assert.equal(writtenOff(new TopicRefusals(() => nowMs), one), 300)
  })

  it('are judged again when the topic has taken one, and by topic', () => {
    const refusals = new TopicRefusals(() => nowMs)
    writtenOff(
      refusals,
      Array.from({ length: 300 }, () => null),
    )
    assert.equal(isWrittenOff(refusals, null, 'other'), true)
    assert.equal(isWrittenOff(refusals, null), false)
    refusals.taken('t')
    assert.equal(isWrittenOff(refusals, null), true)
  })

  it('are written off one at a time after a while: the first one may be bad by itself', () => {
    const refusals = new TopicRefusals(() => nowMs)
    writtenOff(
      refusals,
      Array.from({ length: 300 }, () => null),
    )
    nowMs += 600_000
    assert.deepEqual([isWrittenOff(refusals, null), isWrittenOff(refusals, null)], [true, false])
  })

  it('keeps what it knows of a bounded number of topics', () => {
    const refusals = new TopicRefusals(() => nowMs)
    for (let n = 0; n < 5_000; n++) isWrittenOff(refusals, null, `topic-${n}`)
    assert.ok((refusals as unknown as { runs: Map<string, unknown> }).runs.size <= 1_000)
  })
})

describe('partitions that are gone', () => {
  it('are believed to be when Kafka says so for five seconds, and not before', () => {
    let nowMs = 0
    const vanished = new VanishedPartitions(() => nowMs)
    assert.equal(vanished.isGone('t', 7, 3), false)
    nowMs = 4_000
    assert.equal(vanished.isGone('t', 7, 3), false)
    assert.equal(vanished.isGone('t', 7, 12), false, 'that broker had only just started')
    nowMs = 6_000
    assert.equal(vanished.isGone('t', 7, 3), false)
    nowMs = 11_000
    assert.equal(vanished.isGone('t', 7, 3), true)
  })
})
