import assert from 'node:assert/strict'
import { BrokerQueue } from '../../../../src/mqtt/loss/broker-queue'

/** Lets seconds pass in which this many messages come, or nothing is read. */
function setUp(limit = 1000, startedAtMs = 0) {
  const queue = new BrokerQueue(limit, startedAtMs)
  let [nowMs, arrived, acknowledged] = [startedAtMs, 0, 0]
  const pass = (seconds: number, perSecond: number, reading: boolean, outstanding = 0): void => {
    for (let second = 0; second < seconds; second++) {
      nowMs += 1000
      arrived += perSecond
      if (outstanding === 0) acknowledged = arrived
      queue.observe(nowMs, { arrived, acknowledged, outstanding, reading })
    }
  }
  return {
    queue,
    flow: (seconds: number, perSecond: number) => pass(seconds, perSecond, true),
    stop: (seconds: number) => pass(seconds, 0, false),
    /** The last messages before it stops come in the same second. */
    fill: (perSecond: number) => pass(1, perSecond, false),
    /** The broker has these in its window; nothing of them is acknowledged. */
    hold: (seconds: number, outstanding: number) => pass(seconds, 0, true, outstanding),
    /** The last messages before that come in the same second. */
    fillBroker: (perSecond: number) => pass(1, perSecond, true, perSecond),
  }
}

describe("the broker's queue, estimated", () => {
  it('forecasts when it is full from the rate before the flow stopped', () => {
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

  it("grows also when the broker's own limit of unacknowledged messages stops the flow", () => {
    const { queue, flow, fillBroker, hold } = setUp()
    flow(60, 50)
    fillBroker(20)
    hold(5, 20)
    const { perSecond } = queue
    assert.ok(perSecond > 49, String(perSecond))
    assert.equal(queue.queued, Math.round(5 * perSecond))
    assert.equal(queue.forecast?.kind, 'filling')
    hold(20, 20)
    assert.equal(queue.perSecond, perSecond)
    assert.equal(queue.forecast?.kind, 'full')
  })

  it('keeps growing when the window has filled again after a pause without a single new message', () => {
    const { queue, flow, fill, stop, hold } = setUp()
    flow(60, 50)
    fill(50)
    stop(3)
    hold(3, 1000)
    assert.equal(queue.queued, 300)
    assert.equal(queue.stoppedMs(67_000), 6000)
  })

  it('does not grow while so few are missing that it may be chance, and learns the rate from that time too', () => {
    const { queue, flow, hold } = setUp()
    for (let minute = 0; minute < 10; minute++) {
      flow(1, 1)
      hold(4, 1)
      assert.equal(queue.forecast, undefined)
    }
    assert.equal(queue.queued, 0)
    assert.ok(Math.abs(queue.perSecond - 0.2) < 0.05, String(queue.perSecond))
  })

  it('takes silence for silence when everything is acknowledged', () => {
    const { queue, flow } = setUp()
    flow(60, 50)
    flow(10, 0)
    assert.equal(queue.forecast, undefined)
    assert.equal(queue.queued, 0)
  })

  describe('when a new source takes over', () => {
    /** 50 a second until 61 s; then nothing is read, and 50 are in the window until `left`. */
    function standing() {
      const earlier = setUp()
      earlier.flow(60, 50)
      earlier.fill(50)
      earlier.stop(4)
      earlier.queue.leave(61 * 50, 50)
      return earlier
    }

    it('continues with what was known, though the window fills again with what was in it', () => {
      const { queue, fill, stop } = setUp(1000, 68_000)
      queue.takeOver(standing().queue)
      fill(50)
      assert.equal(queue.queued, 400)
      assert.equal(queue.stoppedMs(69_000), 8000)
      stop(2)
      assert.deepEqual(queue.forecast, { kind: 'filling', secondsLeft: 10 })
    })

    it("continues also when the broker's own limit stops it", () => {
      const { queue, fillBroker, hold } = setUp(1000, 68_000)
      queue.takeOver(standing().queue)
      fillBroker(50)
      hold(2, 50)
      assert.deepEqual(queue.forecast, { kind: 'filling', secondsLeft: 10 })
    })

    it('reckons with the limit that it is given now', () => {
      const { queue, stop } = setUp(2000, 65_000)
      const earlier = standing()
      earlier.stop(40)
      assert.equal(earlier.queue.forecast?.kind, 'full')
      queue.takeOver(earlier.queue)
      stop(41)
      assert.deepEqual(queue.forecast, { kind: 'filling', secondsLeft: 19 })
    })

    it('takes off what comes after what was in the window', () => {
      const { queue, flow, fill } = setUp(1000, 68_000)
      queue.takeOver(standing().queue)
      fill(50)
      flow(1, 300)
      assert.equal(queue.queued, 100)
    })

    it('gives on what has not come again yet', () => {
      const second = setUp(1000, 68_000)
      second.queue.takeOver(standing().queue)
      second.fill(20)
      second.queue.leave(20, 20)
      const third = setUp(1000, 69_000)
      third.queue.takeOver(second.queue)
      third.fill(50)
      assert.equal(third.queue.queued, 450)
    })
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
