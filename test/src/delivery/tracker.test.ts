import assert from 'node:assert/strict'
import type { Settlement } from '../../../src/delivery/delivery'
import { link, linkFailure } from '../../../src/delivery/message-link'
import type { Message } from '../../../src/wire/message'
import { DeliveryTracker } from '../../../src/delivery/tracker'
import { PipelineError } from '../../../src/wire/errors'

const transient = new PipelineError('TRANSIENT', 'try again', { retryable: true })
const permanent = new PipelineError('PERMANENT', 'never', { retryable: false })
const [nodeA, nodeB] = [{ id: 'a' }, { id: 'b' }]

/** A tracker whose clock and macrotasks the test drives. */
function setUp() {
  const macrotasks: (() => void)[] = []
  const clock = { nowMs: 0 }
  const tracker = new DeliveryTracker({
    now: () => clock.nowMs,
    nextMacrotask: (run) => macrotasks.push(run),
  })
  const settlements: Settlement[] = []
  const delivery = tracker.openDelivery('id-1', 'source', 1000, (settlement) => settlements.push(settlement))
  const message: Message = {}
  link(message, delivery)
  const arrive = (node: { id: string }) => {
    tracker.copySent(delivery)
    tracker.copyPlaced(delivery, node)
    tracker.copyReceived(delivery, node)
  }
  const nextTurn = () => macrotasks.splice(0).forEach((run) => run())
  return { tracker, delivery, message, settlements, arrive, nextTurn, clock }
}

describe('DeliveryTracker', () => {
  it('delivers when a sink has confirmed and no copy is alive', () => {
    const { tracker, delivery, message, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    tracker.emitted(delivery)
    tracker.hold(delivery)
    tracker.confirm(delivery, message)
    nextTurn()
    assert.deepEqual(settlements, [])
    tracker.copyEnded(delivery, nodeA)
    nextTurn()
    assert.deepEqual(settlements, [{ outcome: 'delivered' }])
    assert.equal(tracker.size, 0)
  })

  it('waits for all copies of a fan-out', () => {
    const { tracker, delivery, message, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    arrive(nodeB)
    tracker.hold(delivery)
    tracker.confirm(delivery, message)
    tracker.copyEnded(delivery, nodeA)
    nextTurn()
    assert.equal(settlements.length, 0)
    tracker.copyEnded(delivery, nodeB)
    nextTurn()
    assert.equal(settlements[0]?.outcome, 'delivered')
  })

  it('is filtered when the flow ends the message and nothing failed', () => {
    const { tracker, delivery, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    tracker.copyEnded(delivery, nodeA)
    nextTurn()
    assert.deepEqual(settlements, [{ outcome: 'filtered' }])
  })

  it('is stalled when no copy was ever sent: a hook of another package has kept it', () => {
    const { tracker, delivery, settlements, nextTurn, clock } = setUp()
    tracker.emitted(delivery)
    nextTurn()
    assert.equal(settlements.length, 0)
    clock.nowMs = 1000
    tracker.failStalled()
    assert.equal(settlements[0]?.error?.code, 'DELIVERY_STALLED')
  })

  it('waits for a copy that a slow hook of another package has kept', () => {
    const { tracker, delivery, settlements, arrive, nextTurn } = setUp()
    tracker.emitted(delivery)
    nextTurn()
    assert.equal(settlements.length, 0)
    arrive(nodeA)
    tracker.copyEnded(delivery, nodeA)
    nextTurn()
    assert.deepEqual(settlements, [{ outcome: 'filtered' }])
  })

  it('has failed at once when sending it has thrown', () => {
    const { tracker, settlements, nextTurn } = setUp()
    const onSettled = (settlement: Settlement): void => void settlements.push(settlement)
    const send = (): void => {
      throw new Error('a node downstream')
    }
    tracker.emit({ id: 'id-2', nodeId: 'source', timeoutMs: 1000, compose: () => ({}), send, onSettled })
    nextTurn()
    assert.equal(settlements[0]?.error?.message, 'a node downstream')
  })

  it('does not settle when another copy is born before the macrotask is over', () => {
    const { tracker, delivery, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    tracker.copyEnded(delivery, nodeA)
    tracker.copyReceived(delivery, nodeB) // a Catch node, past the router
    nextTurn()
    assert.deepEqual(settlements, [])
  })

  it('fails when a failure is open, although another sink has confirmed', () => {
    const { tracker, delivery, message, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    arrive(nodeB)
    tracker.hold(delivery)
    tracker.confirm(delivery, message)
    tracker.openFailure(delivery, 'b', transient)
    tracker.copyEnded(delivery, nodeA)
    tracker.copyEnded(delivery, nodeB)
    nextTurn()
    assert.deepEqual(settlements, [{ outcome: 'failed', error: transient, failedAt: 'b' }])
  })

  it('closes a failure when a sink confirms a copy that carries it', () => {
    const { tracker, delivery, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    tracker.openFailure(delivery, 'a', permanent)
    tracker.copyEnded(delivery, nodeA)
    tracker.copyReceived(delivery, nodeB)
    tracker.hold(delivery)
    tracker.confirm(delivery, { error: { source: { id: 'a' } } })
    tracker.copyEnded(delivery, nodeB)
    nextTurn()
    assert.deepEqual(settlements, [{ outcome: 'delivered' }])
  })

  it('closes one of two failures at a node with one confirmation, also when the error was rebuilt', () => {
    const { tracker, delivery, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    tracker.openFailure(delivery, 'a', transient)
    tracker.openFailure(delivery, 'a', transient)
    tracker.hold(delivery)
    tracker.confirm(delivery, { error: { source: { id: 'a' } } })
    tracker.copyEnded(delivery, nodeA)
    nextTurn()
    assert.equal(settlements[0]?.outcome, 'failed')
  })

  it('closes the same failure by each of two sinks that store the copy which carries it', () => {
    const { tracker, delivery, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    const first = tracker.openFailure(delivery, 'a', transient)
    tracker.openFailure(delivery, 'a', permanent)
    const carrying: Message = { error: { source: { id: 'a' } } }
    linkFailure(carrying, first)
    for (let sink = 0; sink < 2; sink++) {
      tracker.hold(delivery)
      tracker.confirm(delivery, carrying)
    }
    tracker.copyEnded(delivery, nodeA)
    nextTurn()
    assert.deepEqual(settlements, [{ outcome: 'failed', error: permanent, failedAt: 'a' }])
  })

  it('keeps one failure of a copy that a flow tries again and again at the same node', () => {
    const { tracker, delivery, message, arrive } = setUp()
    arrive(nodeA)
    let carrying = message
    for (let attempt = 0; attempt < 3; attempt++) {
      const failure = tracker.openFailure(delivery, 'a', transient, carrying)
      carrying = { error: { source: { id: 'a' } } }
      linkFailure(carrying, failure)
    }
    assert.equal(delivery.failures?.size, 1)
    tracker.hold(delivery)
    tracker.confirm(delivery, carrying)
    assert.equal(delivery.failures?.size, 0)
  })

  it('fails a copy that a deploy has lost at a node where another has failed and was stored', () => {
    const { tracker, delivery, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    arrive(nodeA)
    const carrying: Message = { error: { source: { id: 'a' } } }
    linkFailure(carrying, tracker.openFailure(delivery, 'a', transient))
    tracker.copyEnded(delivery, nodeA)
    tracker.copyLost(delivery, nodeA)
    tracker.hold(delivery)
    tracker.confirm(delivery, carrying)
    nextTurn()
    assert.equal(settlements[0]?.error?.code, 'FLOW_CHANGED')
  })

  it('leaves a failure open when a sink confirms a copy that carries another one', () => {
    const { tracker, delivery, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    tracker.openFailure(delivery, 'a', transient)
    tracker.hold(delivery)
    tracker.confirm(delivery, { error: { source: { id: 'elsewhere' } } })
    tracker.copyEnded(delivery, nodeA)
    nextTurn()
    assert.equal(settlements[0]?.outcome, 'failed')
  })

  it('reports a permanent failure rather than a transient one', () => {
    const { tracker, delivery, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    tracker.openFailure(delivery, 'a', transient)
    tracker.openFailure(delivery, 'b', permanent)
    tracker.copyEnded(delivery, nodeA)
    nextTurn()
    assert.equal(settlements[0]?.error, permanent)
  })

  it('ignores a node that says done twice', () => {
    const { tracker, delivery, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    arrive(nodeB)
    tracker.copyEnded(delivery, nodeA)
    tracker.copyEnded(delivery, nodeA)
    nextTurn()
    assert.deepEqual(settlements, [])
    assert.equal(delivery.alive, 1)
  })

  it('fails a delivery that has not moved for its timeout, and says where it was', () => {
    const { tracker, delivery, settlements, arrive, clock } = setUp()
    arrive({ id: 'slow', type: 'old-node' } as { id: string })
    clock.nowMs = 999
    assert.equal(tracker.failStalled(), 0)
    clock.nowMs = 1000
    assert.equal(tracker.failStalled(), 1)
    assert.equal(delivery.settled, 'failed')
    assert.equal(settlements[0]?.error?.retryable, true)
    assert.match(settlements[0]?.error?.message ?? '', /old-node slow/)
  })

  it('never times out while a sink holds a copy', () => {
    const { tracker, delivery, settlements, arrive, clock } = setUp()
    arrive(nodeA)
    tracker.hold(delivery)
    clock.nowMs = 3_600_000
    assert.equal(tracker.failStalled(), 0)
    tracker.release(delivery)
    assert.equal(tracker.failStalled(), 0, 'the timeout starts again when the sink lets go')
    assert.deepEqual(settlements, [])
  })

  it('fails what a deploy has removed, and leaves what a sink still holds', () => {
    const { tracker, delivery, settlements, arrive } = setUp()
    arrive(nodeA)
    tracker.hold(delivery)
    assert.equal(
      tracker.failLostCopies(() => false),
      0,
    )
    tracker.release(delivery)
    assert.equal(
      tracker.failLostCopies((node) => node === nodeA),
      0,
    )
    assert.equal(
      tracker.failLostCopies(() => false),
      1,
    )
    assert.equal(settlements[0]?.error?.code, 'FLOW_CHANGED')
  })

  it('fails a copy that a node drops because a deploy removes the node', () => {
    const { tracker, delivery, message, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    arrive(nodeB)
    tracker.hold(delivery)
    tracker.confirm(delivery, message)
    tracker.copyEnded(delivery, nodeB)
    tracker.copyLost(delivery, nodeA)
    tracker.copyLost(delivery, nodeA)
    nextTurn()
    assert.equal(settlements[0]?.outcome, 'failed')
    assert.equal(settlements[0]?.error?.code, 'FLOW_CHANGED')
  })

  it('knows that a sink has confirmed until it says done', () => {
    const { tracker, delivery, message, arrive } = setUp()
    arrive(nodeA)
    tracker.hold(delivery)
    assert.equal(delivery.justConfirmed, false)
    tracker.confirm(delivery, message)
    assert.equal(delivery.justConfirmed, true)
    tracker.copyEnded(delivery, nodeA)
    assert.equal(delivery.justConfirmed, false)
  })

  it('counts a copy that the router could not place as lost only when its node should be there', () => {
    const { tracker, delivery, settlements, nextTurn } = setUp()
    tracker.copySent(delivery)
    tracker.copyUnroutable(delivery, 'disabled', undefined)
    nextTurn()
    assert.equal(settlements[0]?.outcome, 'filtered')

    const other = setUp()
    other.tracker.copySent(other.delivery)
    other.tracker.copyUnroutable(other.delivery, 'replaced', transient)
    other.nextTurn()
    assert.deepEqual(other.settlements, [{ outcome: 'failed', error: transient, failedAt: 'replaced' }])
  })

  it('settles once: nothing that comes later changes it', () => {
    const { tracker, delivery, message, settlements, arrive, nextTurn } = setUp()
    arrive(nodeA)
    tracker.copyEnded(delivery, nodeA)
    nextTurn()
    tracker.hold(delivery)
    tracker.confirm(delivery, message)
    tracker.openFailure(delivery, 'a', transient)
    tracker.copyEnded(delivery, nodeA)
    nextTurn()
    assert.deepEqual(settlements, [{ outcome: 'filtered' }])
    assert.equal(tracker.find(message), delivery, 'a late copy still finds its delivery')
  })

  it('finds a delivery by the symbol or by _msgid', () => {
    const { tracker, delivery, message } = setUp()
    const { _msgid, ...withoutId } = message
    assert.equal(tracker.find(withoutId), delivery)
    assert.equal(tracker.find({ _msgid } as Message), delivery)
    assert.equal(tracker.find({ _msgid: 'another' }), undefined)
    assert.equal(tracker.find({}), undefined)
  })

  it('abandons the deliveries of a source without a word', () => {
    const { tracker, delivery, settlements } = setUp()
    assert.equal(tracker.abandon('another'), 0)
    assert.equal(tracker.abandon('source'), 1)
    assert.equal(delivery.settled, 'failed')
    assert.deepEqual(settlements, [])
  })
})
