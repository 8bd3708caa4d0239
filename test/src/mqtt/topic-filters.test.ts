import assert from 'node:assert/strict'
import { needsOf, parseTopicFilters } from '../../../src/mqtt/topic-filters'

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
