import assert from 'node:assert/strict'
import { BrokerQueue } from '../../../src/mqtt/broker-queue'

/** Lets seconds pass in which so many messages come, or nothing is read. */
function setUp(limit = 1000) {
  const queue = new BrokerQueue(limit, 0)
  let [nowMs, arrived] = [0, 0]
  const pass = (seconds: number, perSecond: number, reading: boolean): void => {
    for (let second = 0; second < seconds; second++) {
      nowMs += 1000
      arrived += perSecond
      queue.observe(nowMs, arrived, reading)
    }
  }
  return {
    queue,
    flow: (seconds: number, perSecond: number) => pass(seconds, perSecond, true),
    stop: (seconds: number) => pass(seconds, 0, false),
    /** The last messages before it stops come in the same second. */
    fill: (perSecond: number) => pass(1, perSecond, false),
  }
}

describe("the broker's queue, estimated", () => {
  it('tells when it is full from the rate before the flow stopped', () => {
    const { queue, flow, fill, stop } = setUp()
    flow(20, 50)
    fill(50)
    stop(4)
    assert.deepEqual(queue.forecast, { kind: 'filling', secondsLeft: 16 })
    assert.equal(queue.stoppedMs(25_000), 4000)
    assert.equal(queue.queued, 200)
  })

  it('is full from the moment on at which it has reached its limit', () => {
    const { queue, flow, fill, stop } = setUp()
    flow(20, 100)
    fill(100)
    stop(30)
    assert.deepEqual(queue.forecast, { kind: 'full', sinceMs: 31_000 })
  })

  it('goes down with what comes afterwards, and learns the rate again when it is empty', () => {
    const { queue, flow, fill, stop } = setUp()
    flow(60, 100)
    fill(100)
    stop(5)
    assert.equal(queue.queued, 500)
    flow(1, 400)
    assert.equal(queue.forecast, undefined)
    assert.equal(queue.queued, 100)
    assert.equal(queue.perSecond, 100)
    flow(300, 20)
    assert.equal(queue.queued, 0)
    assert.ok(Math.abs(queue.perSecond - 20) < 1, String(queue.perSecond))
  })

  it('holds no more than its limit', () => {
    const { queue, flow, fill, stop } = setUp()
    flow(10, 100)
    fill(100)
    stop(100)
    flow(1, 900)
    fill(50)
    assert.equal(queue.queued, 50)
  })

  it('says nothing while messages come, however full the window is', () => {
    const { queue, flow, fill } = setUp()
    flow(5, 1000)
    for (let i = 0; i < 100; i++) fill(300)
    assert.equal(queue.forecast, undefined)
  })

  it('says nothing before a rate is known', () => {
    const { queue, stop } = setUp()
    stop(1000)
    assert.equal(queue.forecast, undefined)
  })

  it('says nothing about a broker without a limit', () => {
    const { queue, flow, fill, stop } = setUp(0)
    flow(10, 100)
    fill(100)
    stop(1000)
    assert.equal(queue.forecast, undefined)
  })

  it('smooths the rate of devices that send in bursts', () => {
    const { queue, flow } = setUp()
    for (let minute = 0; minute < 10; minute++) {
      flow(1, 600)
      flow(59, 0)
    }
    assert.ok(queue.perSecond > 2 && queue.perSecond < 20, String(queue.perSecond))
  })
})
