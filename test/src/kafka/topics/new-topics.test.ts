import assert from 'node:assert/strict'
import { NewTopics } from '../../../../src/kafka/topics/new-topics'

const HOUR_MS = 3_600_000

describe('new Kafka topics', () => {
  let nowMs = 0
  let names = 0
  const create = (topics: NewTopics, tenant?: string) => topics.take(`t${names++}`, tenant)?.code
  beforeEach(() => {
    nowMs = 0
  })

  it('are at most as many in a day as is allowed, and then as many again', () => {
    const topics = new NewTopics(3, () => nowMs)
    const made = Array.from({ length: 5 }, () => create(topics))
    assert.deepEqual(made, [
      undefined,
      undefined,
      undefined,
      'KAFKA_TOO_MANY_TOPICS',
      'KAFKA_TOO_MANY_TOPICS',
    ])
    nowMs = 23 * HOUR_MS
    assert.equal(create(topics), 'KAFKA_TOO_MANY_TOPICS')
    nowMs = 25 * HOUR_MS
    assert.equal(create(topics), undefined)
  })

  it('of one tenant are half of that, so that the others have their part', () => {
    const topics = new NewTopics(10, () => nowMs)
    const flood = Array.from({ length: 300 }, () => create(topics, 'mallory'))
    assert.equal(flood.filter((code) => code === undefined).length, 5)
    assert.match(topics.refusal('t', 'mallory')?.message ?? '', /5 topics .* tenant "mallory" .* half of/)
    assert.equal(topics.refusal('t', 'mallory')?.retryable, false)
    assert.equal(create(topics, 'acme'), undefined)
  })

  it('count once, however often they are tried', () => {
    const topics = new NewTopics(1, () => nowMs)
    assert.equal(topics.take('t', 'acme'), undefined)
    assert.equal(topics.take('t', 'acme'), undefined)
    assert.equal(topics.refusal('other', 'acme')?.code, 'KAFKA_TOO_MANY_TOPICS')
  })
})
