import assert from 'node:assert/strict'
import { parseTopics, selectTopics } from '../../../src/kafka/topic-selection'

describe('parseTopics', () => {
  it('reads names with commas between them, each once', () => {
    assert.deepEqual(parseTopics(' a, b.c ,a'), ['a', 'b.c'])
  })

  it('reads a pattern, which may hold commas', () => {
    assert.deepEqual(parseTopics('/^t{1,2}$/i'), [/^t{1,2}$/i])
  })

  it('refuses what is no topic and no pattern', () => {
    for (const text of ['', 'a,', 'a b', '..', '/(/', 'ä']) {
      assert.throws(() => parseTopics(text), { code: 'CONFIG_INVALID' }, text)
    }
  })
})

describe('selectTopics', () => {
  it('takes the names that exist and reports the others', () => {
    assert.deepEqual(selectTopics(['b', 'x', 'a'], ['a', 'b', 'c']), { topics: ['a', 'b'], missing: ['x'] })
  })

  it('takes what matches a pattern, but no internal topic', () => {
    assert.deepEqual(selectTopics([/./], ['t', '__consumer_offsets']), { topics: ['t'], missing: [] })
    assert.deepEqual(selectTopics(['__consumer_offsets'], ['__consumer_offsets']).topics, [
      '__consumer_offsets',
    ])
  })
})
