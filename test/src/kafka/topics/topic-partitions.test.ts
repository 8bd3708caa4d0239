import assert from 'node:assert/strict'
import { TopicPartitions } from '../../../../src/kafka/topics/topic-partitions'
import { PipelineError } from '../../../../src/wire/errors'
import { ManualClock, settled } from '../../../support/manual-clock'

const missing = new PipelineError('KAFKA_UNKNOWN_TOPIC', 'no such topic', { retryable: true })
const invalid = new PipelineError('KAFKA_INVALID_TOPIC', 'invalid', { retryable: false })

function setUp(answers: (number | PipelineError)[]) {
  const clock = new ManualClock()
  let asked = 0
  const heard: string[] = []
  const topics = new TopicPartitions({
    backoff: { initialMs: 100, maxMs: 1000 },
    clock,
    ask: () => {
      asked++
      const answer = answers.shift()
      return answer instanceof PipelineError ? Promise.reject(answer) : Promise.resolve(answer ?? 1)
    },
  })
  const wait = (name: string): void =>
    topics.whenKnown('t', undefined, (partitions, error) =>
      heard.push(`${name} ${error?.code ?? partitions}`),
    )
  return { topics, clock, wait, heard, asked: () => asked }
}

describe('the partitions of topics', () => {
  it('are remembered of a bounded number of topics, and of those in use', async () => {
    const { topics, clock } = setUp([])
    const ask = (topic: string) => topics.whenKnown(topic, undefined, () => undefined)
    ask('busy')
    for (let n = 0; n < 5_000; n++) {
      await clock.pass(1)
      topics.countOf('busy')
      ask(`topic-${n}`)
    }
    await settled()
    assert.ok(topics.size <= 2_000, `${topics.size} are remembered`)
    assert.equal(topics.countOf('busy'), 1)
    assert.equal(topics.countOf('topic-0'), undefined)
  })

  it('are asked for once, and given to all that wait, in order', async () => {
    const { topics, wait, heard, asked } = setUp([6])
    assert.equal(topics.countOf('t'), undefined)
    wait('a')
    wait('b')
    await settled()
    assert.deepEqual(heard, ['a 6', 'b 6'])
    assert.equal(topics.countOf('t'), 6)
    assert.equal(asked(), 1)
  })

  it('are asked for until the topic is there', async () => {
    const { topics, clock, wait, heard } = setUp([missing, missing, missing, 6])
    wait('a')
    await settled()
    assert.equal(topics.problem, missing)
    await clock.pass(10_000)
    assert.deepEqual(heard, ['a 6'])
    assert.equal(topics.problem, undefined)
  })

  it('are given up when the error is final, and asked for again by the next record', async () => {
    const { wait, heard } = setUp([invalid, 6])
    wait('a')
    await settled()
    wait('b')
    await settled()
    assert.deepEqual(heard, ['a KAFKA_INVALID_TOPIC', 'b 6'])
  })

  it('are asked for again after a while, and the old number serves when that fails', async () => {
    const { topics, clock, wait } = setUp([6, missing, 12])
    wait('a')
    await clock.pass(400_000)
    assert.equal(topics.countOf('t'), 6)
    await settled()
    assert.equal(topics.countOf('t'), 6)
    await clock.pass(400_000)
    topics.countOf('t')
    await settled()
    assert.equal(topics.countOf('t'), 12)
  })

  it('fail what waits when they are closed', async () => {
    const { topics, clock, wait, heard } = setUp([missing])
    wait('a')
    await settled()
    topics.close(new PipelineError('KAFKA_CLOSED', 'closed', { retryable: true }))
    wait('b')
    await clock.pass(10_000)
    assert.deepEqual(heard, ['a KAFKA_CLOSED', 'b KAFKA_CLOSED'])
  })
})
