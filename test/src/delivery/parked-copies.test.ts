/** Copies that wait for the others of their delivery. */
import assert from 'node:assert/strict'
import type { Settlement } from '../../../src/delivery/delivery'
import { DeliveryTracker } from '../../../src/delivery/tracker'

const [waiter, second, other] = [{ id: 'waiter' }, { id: 'second' }, { id: 'other' }]

function setUp() {
  const macrotasks: (() => void)[] = []
  const clock = { nowMs: 0 }
  const tracker = new DeliveryTracker({
    now: () => clock.nowMs,
    nextMacrotask: (run) => macrotasks.push(run),
  })
  const settlements: Settlement[] = []
  const delivery = tracker.openDelivery('id-1', 'source', 1000, (settlement) => settlements.push(settlement))
  const events: string[] = []
  const arrive = (node: { id: string }): void => {
    tracker.copySent(delivery)
    tracker.copyPlaced(delivery, node)
    tracker.copyReceived(delivery, node)
  }
  const park = (node: { id: string }, isLast = false): void => {
    arrive(node)
    const say = (what: string) => () => void events.push(`${node.id} ${what}`)
    tracker.park(delivery, { node, isLast, complete: say('completed'), drop: say('dropped') })
  }
  const end = (node: { id: string }): void => tracker.copyEnded(delivery, node)
  const nextTurn = (): void => macrotasks.splice(0).forEach((run) => run())
  return { tracker, delivery, clock, settlements, events, arrive, park, end, nextTurn }
}

describe('copies that wait for the others', () => {
  it('wait until every other one has ended, and keep their delivery open', () => {
    const { settlements, events, arrive, park, end, nextTurn } = setUp()
    arrive(other)
    park(waiter)
    nextTurn()
    assert.deepEqual(events, [])
    end(other)
    assert.deepEqual(events, [], 'a Catch node may still get a copy in this turn')
    nextTurn()
    assert.deepEqual([events, settlements], [['waiter completed'], []])
    end(waiter)
    nextTurn()
    assert.deepEqual(settlements, [{ outcome: 'filtered' }])
  })

  it('do not wait for each other', () => {
    const { events, park, nextTurn } = setUp()
    park(waiter, true)
    park(second, true)
    nextTurn()
    assert.deepEqual(events, ['waiter completed', 'second completed'])
  })

  it('wait for what others send on that have waited as well, if they have to be last', () => {
    const { events, arrive, park, end, nextTurn } = setUp()
    park(waiter, true)
    park(second)
    nextTurn()
    assert.deepEqual(events, ['second completed'])
    arrive(other)
    end(second)
    nextTurn()
    assert.deepEqual(events, ['second completed'])
    end(other)
    nextTurn()
    assert.deepEqual(events, ['second completed', 'waiter completed'])
  })

  it('are given up with their delivery when a node keeps another copy, which is named', () => {
    const { tracker, clock, settlements, events, arrive, park } = setUp()
    park(waiter)
    arrive(other)
    clock.nowMs = 1000
    tracker.failStalled()
    assert.deepEqual(events, ['waiter dropped'])
    assert.equal(settlements[0]?.failedAt, 'other')
  })

  it('keep nothing open when a deploy removes the node at which they wait', () => {
    const { tracker, delivery, settlements, events, arrive, park, end, nextTurn } = setUp()
    park(waiter)
    arrive(other)
    tracker.copyLost(delivery, waiter)
    end(other)
    nextTurn()
    assert.deepEqual([settlements[0]?.error?.code, events], ['FLOW_CHANGED', ['waiter dropped']])
  })
})
