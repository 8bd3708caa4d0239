import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  coveringFilters,
  matches,
  needsOf,
  parseTopicFilters,
} from '../../../../src/mqtt/session/topic-filters'

describe('topic filters', () => {
  it('reads one or several', () => {
    assert.deepEqual(
      [...parseTopicFilters('a/+/b, $share/g/c/#', 1)],
      [
        ['a/+/b', 1],
        ['$share/g/c/#', 1],
      ],
    )
  })

  for (const text of ['', 'a,', 'a/#/b', 'a#', 'a+/b', '$share/g', '$share//a', 'x'.repeat(70_000)]) {
    it(`refuses "${text.slice(0, 12)}"`, () => {
      assert.throws(() => parseTopicFilters(text, 1), { code: 'CONFIG_INVALID', retryable: false })
    })
  }

  for (const [text, left] of [
    ['a/#, a/b', ['a/#']],
    ['a/b, a/+, a/#', ['a/#']],
    ['a/b/#, a', ['a/b/#', 'a']],
    ['a, a/#', ['a/#']],
    ['#, $SYS/#', ['#', '$SYS/#']],
    ['$share/g/a/#, $share/g/a/b', ['$share/g/a/#']],
    ['a, a', ['a']],
    ['a/+/x, b/#', ['a/+/x', 'b/#']],
    ['+/x, a/y', ['+/x', 'a/y']],
  ] as const) {
    it(`subscribes once to what "${text}" covers twice`, () => {
      assert.deepEqual([...parseTopicFilters(text, 1).keys()], left)
    })
  }

  for (const text of ['a/+, +/b', 'a/+/x, a/b/#', 'a/#, $share/g/a/b', '$share/g/a/#, $share/h/a/#']) {
    it(`refuses "${text}": some messages would come twice`, () => {
      assert.throws(() => parseTopicFilters(text, 1), /twice/)
    })
  }

  for (const [filter, wildcards, sharedSubscriptions] of [
    ['a/b', false, false],
    ['a/+', true, false],
    ['#', true, false],
    ['$share/g/a', false, true],
    ['$share/g/a/#', true, true],
  ] as const) {
    it(`knows what "${filter}" needs of a broker`, () => {
      assert.deepEqual(needsOf(filter), { wildcards, sharedSubscriptions })
    })
  }
})

describe('a topic filter matches', () => {
  for (const [filter, yes, no] of [
    ['a/b', ['a/b'], ['a', 'a/b/c', 'a/c', 'A/b', '/a/b']],
    ['a/+', ['a/b', 'a/'], ['a', 'a/b/c']],
    ['a/#', ['a', 'a/', 'a/b', 'a/b/c'], ['b', 'ab']],
    ['+/b/#', ['a/b', 'a/b/c', '/b'], ['b', 'a/c', '$a/b']],
    ['#', ['a', 'a/b', '/'], ['$SYS', '$SYS/x']],
    ['+', ['a', ''], ['a/b', '$SYS']],
    ['$SYS/#', ['$SYS', '$SYS/x'], ['SYS/x']],
    ['$share/g/a/+', ['a/b'], ['$share/g/a/b', 'g/a/b', 'a']],
    ['$share/g/#', ['a/b'], ['$SYS/x']],
    ['$queue/a/#', ['a/b'], ['$queue/a/b']],
  ] as const) {
    it(`${filter}: ${yes.join(' ')}, and not ${no.join(' ')}`, () => {
      for (const topic of yes) assert.ok(matches(filter, topic), topic)
      for (const topic of no) assert.ok(!matches(filter, topic), topic)
    })
  }

  const name = fc.constantFrom<string>('a', 'b', '', '$x', 'ü')
  const names = fc.array(name, { minLength: 1, maxLength: 6 })

  /** As the specification says it, one level after the other. */
  function byTheBook(filter: readonly string[], topic: readonly string[]): boolean {
    const [level, ...others] = filter
    if (level === '#') return true
    if (level === undefined || topic.length === 0) return level === undefined && topic.length === 0
    return (level === '+' || level === topic[0]) && byTheBook(others, topic.slice(1))
  }

  it('what the specification says, for any filter and any topic', () => {
    const filter = fc.tuple(fc.array(fc.oneof(name, fc.constant('+')), { maxLength: 5 }), fc.boolean())
    fc.assert(
      fc.property(filter, names, ([levels, open], topic) => {
        const all = open || levels.length === 0 ? [...levels, '#'] : levels
        const hidden = topic[0]?.startsWith('$') === true && (all[0] === '+' || all[0] === '#')
        assert.equal(matches(all.join('/'), topic.join('/')), !hidden && byTheBook(all, topic))
      }),
    )
  })

  it('each topic that it is derived from, and those with one wildcard are all derived', () => {
    fc.assert(
      fc.property(names, fc.nat(5), fc.boolean(), (topic, at, plus) => {
        const derived = coveringFilters(topic.join('/'))
        for (const filter of derived) assert.ok(matches(filter, topic.join('/')), filter)
        const index = at % topic.length
        if (topic[0]?.startsWith('$') === true && index === 0) return
        const old = plus ? topic.with(index, '+') : [...topic.slice(0, index), '#']
        assert.ok(derived.includes(old.join('/')), old.join('/'))
      }),
    )
  })

  it('and of a deep topic no more are derived than a broker can be asked for', () => {
    assert.ok(coveringFilters('a/b/c/d/e/f/g/h/i/j/k/l/m/n').length < 300)
  })
})
