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

  it('does not keep very long topics', () => {
    const cache = new TopicCache<number>(10, 5)
    cache.get('123456', () => 1)
    assert.equal(cache.size, 0)
  })
})
