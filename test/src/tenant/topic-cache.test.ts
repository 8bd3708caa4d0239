import assert from 'node:assert/strict'
import { TopicCache } from '../../../src/tenant/topic-cache'

describe('topic cache', () => {
  it('computes an answer once', () => {
    const cache = new TopicCache<number>()
    let computed = 0
    for (let i = 0; i < 3; i++)
      assert.equal(
        cache.get('a', () => ++computed),
        1,
      )
  })

  it('keeps what is asked for, and never more than two generations', () => {
    const cache = new TopicCache<string>(10)
    let computed = 0
    for (let i = 0; i < 1000; i++) {
      cache.get('popular', () => `${++computed}`)
      cache.get(`topic ${i}`, (topic) => topic)
      assert.ok(cache.size <= 20, `${cache.size}`)
    }
    assert.equal(computed, 1)
  })

  it('names the topics that were new last, each once, the newest first', () => {
    const cache = new TopicCache<string>(3)
    for (const topic of ['a', 'b', 'c', 'b', 'd', 'a', 'a']) cache.get(topic, (text) => text)
    assert.deepEqual(cache.newest(10), ['d', 'c', 'b', 'a'])
    assert.deepEqual(cache.newest(2), ['d', 'c'])
  })

  it('does not keep very long topics', () => {
    const cache = new TopicCache<number>(10, 5)
    cache.get('123456', () => 1)
    assert.equal(cache.size, 0)
  })
})
