import assert from 'node:assert/strict'
import { FirstStarts } from '../../../../src/kafka/group/first-starts'

const committed = (...offsets: (number | undefined)[]): ReadonlyMap<number, number | undefined> =>
  new Map(offsets.entries())

describe('the first start of a group', () => {
  for (const [what, offsets, isLater, firsts] of [
    ['a topic of which nothing is committed', [undefined, undefined], false, [true, true, false]],
    ['a topic of which a partition is committed', [7, undefined], false, [false, false, false]],
    ['a topic that matches the pattern of a group with others', [undefined], true, [false, false, false]],
  ] as const) {
    it(`is, for ${what}, of the partitions that are there: ${firsts.join(', ')}`, () => {
      const starts = new FirstStarts()
      starts.noteTopics(['t'], [])
      starts.decide('t', committed(...offsets), isLater)
      assert.deepEqual(
        firsts.map((_, partition) => starts.isFirst({ topic: 't', partition })),
        firsts,
      )
    })
  }

  it('is not of a topic that was missing, or that came when others were there', () => {
    const starts = new FirstStarts()
    starts.noteTopics([], ['named'])
    starts.noteTopics(['named', 'new'], [])
    for (const topic of ['named', 'new']) {
      assert.ok(starts.isDecided(topic))
      assert.ok(!starts.isFirst({ topic, partition: 0 }))
    }
  })

  it('stays one for the topics of a session that has failed', () => {
    const starts = new FirstStarts()
    starts.noteTopics(['t'], [])
    starts.noteTopics(['t'], [])
    assert.ok(!starts.isDecided('t'))
  })
})
