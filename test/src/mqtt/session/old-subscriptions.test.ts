/** For whom a message is that arrives in a session with a past. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  subscriptionNumber,
  OldSubscriptions,
  OTHER_TOPICS,
  type Owner,
} from '../../../../src/mqtt/session/old-subscriptions'

const FILTERS = ['a/#', 'b/+']
const HOST = 'h:1883'

const subscriptions = (
  sessionPresent = true,
  otherTopics: (typeof OTHER_TOPICS)[number] = 'wait',
  memory: ConstructorParameters<typeof OldSubscriptions>[1] = {},
): OldSubscriptions => {
  const found = new OldSubscriptions(FILTERS, memory, otherTopics)
  found.connected(HOST, sessionPresent)
  return found
}
const ownerOf = (all: OldSubscriptions, topic: string, ...identifiers: number[]): Owner =>
  all.judge(topic, identifiers).owner

describe('a message that no topic filter matches', () => {
  it('is ours in a session that began with these filters, and from then on, after a deploy as well', () => {
    const memory = {}
    assert.equal(ownerOf(subscriptions(false, 'wait', memory), 'x/1'), 'ours')
    assert.equal(ownerOf(subscriptions(true, 'wait', memory), 'x/1'), 'ours')
  })

  it('is in doubt in a session that began elsewhere, or had other filters since', () => {
    assert.equal(ownerOf(subscriptions(true), 'x/1'), 'inDoubt')
    const memory = {}
    subscriptions(false, 'wait', memory)
    new OldSubscriptions(['c'], memory, 'wait').connected(HOST, true)
    assert.equal(ownerOf(subscriptions(true, 'wait', memory), 'x/1'), 'inDoubt')
    const failedOver = new OldSubscriptions(FILTERS, { ...memory }, 'wait')
    failedOver.connected(HOST, false)
    failedOver.connected('other:1883', true)
    assert.equal(ownerOf(failedOver, 'x/1'), 'inDoubt')
  })

  it('is old when each filter has brought a topic that it matches, and no sooner', () => {
    const all = subscriptions()
    assert.deepEqual(
      ['x/1', 'a/1', 'x/1', 'b/1', 'x/1'].map((topic) => ownerOf(all, topic)),
      ['inDoubt', 'ours', 'inDoubt', 'ours', 'old'],
    )
  })

  it('follows its number, which says as well that the broker rewrites', () => {
    const all = subscriptions()
    const [ours, foreign] = [subscriptionNumber('a/#'), subscriptionNumber('gone/#')]
    assert.equal(ownerOf(all, 'x/1', foreign), 'old')
    assert.equal(ownerOf(all, 'x/1', ours), 'ours')
    assert.equal(ownerOf(all, 'x/1'), 'ours')
    assert.equal(ownerOf(all, 'x/1', foreign), 'old')
  })

  it('is what the user has chosen, except where its number says more', () => {
    for (const [choice, owner] of [
      ['emit', 'ours'],
      ['leaveOut', 'old'],
    ] as const)
      for (const sessionPresent of [true, false]) {
        const all = subscriptions(sessionPresent, choice)
        assert.equal(ownerOf(all, 'x/1'), owner)
        assert.equal(ownerOf(all, 'x/1', subscriptionNumber('b/+')), 'ours')
      }
  })

  it('has filters unsubscribed only when it is old: a broker rewrites these as well', () => {
    const message = fc.record({
      topic: fc.constantFrom('a/1', 'b/1', 'x/1', 'x/2', 'y'),
      numbers: fc.constantFrom<number[]>([], [subscriptionNumber('a/#')], [7]),
    })
    fc.assert(
      fc.property(
        fc.array(message),
        fc.boolean(),
        fc.constantFrom(...OTHER_TOPICS),
        (all, present, choice) => {
          const judge = subscriptions(present, choice)
          for (const { topic, numbers } of all) {
            const { owner, behind } = judge.judge(topic, numbers)
            if (behind.length > 0 && /^[xy]/.test(topic)) assert.equal(owner, 'old')
            assert.ok(!behind.some((filter) => FILTERS.includes(filter)))
          }
        },
      ),
    )
  })

  it('is looked for in the groups of our filters, too', () => {
    const all = new OldSubscriptions(['$share/g/a/#'], {}, 'leaveOut')
    all.connected(HOST, true)
    const { behind } = all.judge('x/1', [])
    for (const filter of ['x/#', '$share/g/x/#', '$share/g/#']) assert.ok(behind.includes(filter), filter)
  })
})
