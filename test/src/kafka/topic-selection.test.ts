import assert from 'node:assert/strict'
import { kafkaNameProblem, kafkaTopicProblem } from '../../../src/tenant/kafka-topic'
import { NAUGHTY } from '../../poison/naughty-strings'
import { parseTopics, selectTopics } from '../../../src/kafka/topic-selection'

describe('parseTopics', () => {
  it('reads names with commas between them, each once', () => {
    assert.deepEqual(parseTopics(' a, b.c ,a'), ['a', 'b.c'])
  })

  it('reads a pattern, which may hold commas', () => {
    const [pattern] = parseTopics('/^t{1,2}$/i')
    assert.ok(typeof pattern === 'object')
    assert.deepEqual(
      ['t', 'TT', 'ttt'].map((topic) => pattern.test(topic)),
      [true, true, false],
    )
  })

  it('refuses what is no topic and no pattern', () => {
    for (const text of ['', 'a,', 'a b', '..', '/(/', 'ä', '__proto__', 'a,constructor']) {
      assert.throws(() => parseTopics(text), { code: 'CONFIG_INVALID' }, text)
    }
  })
})

describe('selectTopics', () => {
  const all = parseTopics('/./')

  it('takes the names that exist and reports the others', () => {
    assert.deepEqual(selectTopics(['b', 'x', 'a'], ['a', 'b', 'c']), {
      topics: ['a', 'b'],
      missing: ['x'],
      excluded: [],
    })
  })

  it('takes what matches a pattern, but no topic of Kafka itself, which is no news', () => {
    const nothing = { missing: [], excluded: [] }
    assert.deepEqual(selectTopics(all, ['t', '__consumer_offsets']), { topics: ['t'], ...nothing })
    assert.deepEqual(selectTopics(['__consumer_offsets'], ['__consumer_offsets']).topics, [
      '__consumer_offsets',
    ])
  })

  it('says which topics a pattern matches and does not read: exactly those that no producer of ours writes to', () => {
    const names = [...new Set([...NAUGHTY, '__acme.north', 'acme.north', '_acme.north'])]
    const existing = names.filter((name) => kafkaNameProblem(name) === undefined || name === '__proto__')
    const { topics, excluded } = selectTopics(all, existing)
    assert.deepEqual(topics, existing.filter((name) => kafkaTopicProblem(name) === undefined).sort())
    assert.deepEqual([...topics, ...excluded].sort(), existing.sort())
    assert.ok(excluded.includes('__acme.north') && excluded.includes('__proto__'))
  })
})
