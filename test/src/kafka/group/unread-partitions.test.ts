import assert from 'node:assert/strict'
import type { GroupShare } from '../../../../src/kafka/group/group-admin'
import { UnreadPartitions } from '../../../../src/kafka/group/unread-partitions'

const at = (topic: string, partition: number): { topic: string; partition: number } => ({ topic, partition })
const WANTED = [at('a', 0), at('a', 1), at('b', 0)]

describe('UnreadPartitions', () => {
  const look = (unread: UnreadPartitions, ...members: GroupShare[]): string[] =>
    unread.overdue(members, WANTED).map(({ topic, partition }) => `${topic}${partition}`)

  it('finds what is given to none, and what is given to a member that does not read it', () => {
    const unread = new UnreadPartitions(0)
    assert.deepEqual(look(unread), ['a0', 'a1', 'b0'])
    const one = { topics: ['a'], assigned: [at('a', 0), at('b', 0)] }
    const other = { topics: ['b'], assigned: [at('a', 1)] }
    assert.deepEqual(look(unread, one, other), ['a1', 'b0'])
    assert.deepEqual(look(unread, { topics: ['a', 'b'], assigned: WANTED }), [])
  })

  it('says nothing of what has belonged to none for a moment, also when that comes again', () => {
    let now = 0
    const unread = new UnreadPartitions(100, () => now)
    const all = { topics: ['a', 'b'], assigned: WANTED }
    const some = { topics: ['a', 'b'], assigned: [at('a', 0), at('a', 1)] }
    assert.deepEqual(look(unread, some), [])
    now = 99
    assert.deepEqual(look(unread, all), [])
    now = 150
    assert.deepEqual(look(unread, some), [])
    now = 249
    assert.deepEqual(look(unread, some), [])
    now = 250
    assert.deepEqual(look(unread, some), ['b0'])
    assert.deepEqual(look(unread, all), [])
  })
})
