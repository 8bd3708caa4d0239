import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { TopicPartition } from '../../../../src/kafka/driver'
import { stickyAssignment, type GroupMember } from '../../../../src/kafka/group/sticky-assignment'

const TOPICS = ['a', 'b']
const partitionsOf = (count: number): TopicPartition[] =>
  TOPICS.flatMap((topic) => Array.from({ length: count }, (_, partition) => ({ topic, partition })))
const names = (partitions: readonly TopicPartition[]): string[] =>
  partitions.map(({ topic, partition }) => `${topic}${partition}`).sort()

/** A group whose members remember what they were given. */
class Group {
  readonly owned = new Map<string, TopicPartition[]>()
  moves = 0

  assign(count: number): void {
    const before = new Map(
      [...this.owned].flatMap(([id, own]) => names(own).map((name) => [name, id] as const)),
    )
    const members = [...this.owned].map(([id, owned]): GroupMember => ({ id, topics: TOPICS, owned }))
    const after = stickyAssignment(members, partitionsOf(count))
    this.moves = 0
    for (const [id, own] of after) {
      for (const name of names(own)) if (before.has(name) && before.get(name) !== id) this.moves++
      this.owned.set(id, own)
    }
  }

  get sizes(): number[] {
    return [...this.owned.values()].map(({ length }) => length)
  }
}

describe('stickyAssignment', () => {
  it('gives out every partition once, evenly, and moves no more than it must, whichever members join and leave', () => {
    const step = fc.oneof(
      fc.record({ join: fc.integer({ min: 0, max: 9 }) }),
      fc.record({ leave: fc.integer({ min: 0, max: 9 }) }),
      fc.record({ grow: fc.integer({ min: 1, max: 5 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        const group = new Group()
        let count = 6
        group.owned.set('first', [])
        group.assign(count)
        for (const each of steps) {
          const sizes = new Map([...group.owned].map(([id, own]) => [id, own.length]))
          if ('join' in each && !group.owned.has(`m${each.join}`)) group.owned.set(`m${each.join}`, [])
          if ('leave' in each) group.owned.delete(`m${each.leave}`)
          if ('grow' in each) count += each.grow
          group.assign(count)
          assert.deepEqual(names([...group.owned.values()].flat()), names(partitionsOf(count)))
          assert.ok(Math.max(...group.sizes) - Math.min(...group.sizes) <= 1, group.sizes.join())
          // Only what a member has above its share may leave it.
          const share = Math.floor((2 * count) / group.owned.size)
          const mayMove = [...group.owned.keys()].reduce(
            (sum, id) => sum + Math.max(0, (sizes.get(id) ?? 0) - share),
            0,
          )
          assert.ok(group.moves <= mayMove, `${group.moves} moves, ${mayMove} may be`)
        }
      }),
    )
  })

  it('does not move a partition when a member leaves, but those of the member', () => {
    const group = new Group()
    for (const id of ['x', 'y', 'z']) group.owned.set(id, [])
    group.assign(6)
    group.owned.delete('y')
    group.assign(6)
    assert.equal(group.moves, 0)
    assert.deepEqual(group.sizes, [6, 6])
  })

  it('gives a member nothing of a topic that it does not know yet', () => {
    const members: GroupMember[] = [
      { id: 'old', topics: ['a'], owned: [] },
      { id: 'new', topics: TOPICS, owned: [] },
    ]
    const shares = stickyAssignment(members, partitionsOf(3))
    assert.deepEqual(names(shares.get('old') ?? []), ['a0', 'a1', 'a2'])
    assert.deepEqual(names(shares.get('new') ?? []), ['b0', 'b1', 'b2'])
  })

  it('leaves a partition that two say they have with one, and forgets those that are gone', () => {
    const owned = [...partitionsOf(1), { topic: 'deleted', partition: 0 }]
    const members = ['x', 'y'].map((id): GroupMember => ({ id, topics: TOPICS, owned }))
    const shares = stickyAssignment(members, partitionsOf(1))
    assert.deepEqual(
      [...shares.values()].map(({ length }) => length),
      [1, 1],
    )
  })
})
