import assert from 'node:assert/strict'
import { parseTopicFilters } from '../../../src/mqtt/topic-filters'

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
})
