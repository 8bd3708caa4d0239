import assert from 'node:assert/strict'
import { closedByBroker, refusedWith } from '../../../../src/mqtt/connect/refusals'
import { TakeOverWatch } from '../../../../src/mqtt/session/take-over-watch'

const closed = closedByBroker('h:1')

function setUp() {
  let nowMs = 0
  const watch = new TakeOverWatch(() => nowMs)
  return (lifeMs: number, reason = closed) => {
    watch.connected()
    nowMs += lifeMs
    return watch.closed(reason)
  }
}

describe('take-over watch', () => {
  it('waits long before it returns when the broker says that another client has the id', () => {
    const pause = setUp()(3_600_000, refusedWith(142, 'h:1'))
    assert.equal(pause?.error.statusText, 'MQTT: client ID used by another client')
    assert.equal(pause.delayMs, 300_000)
  })

  it('suspects it when three connections in a row end soon', () => {
    const live = setUp()
    assert.equal(live(500), undefined)
    assert.equal(live(500), undefined)
    assert.equal(live(500)?.error.code, 'MQTT_TAKEN_OVER')
  })

  it('waits longer each time, until a connection lasts', () => {
    const live = setUp()
    const pauses: (number | undefined)[] = []
    for (let life = 0; life < 15; life++) pauses.push(live(500)?.delayMs)
    assert.deepEqual(
      pauses.filter((pause) => pause !== undefined),
      [15_000, 30_000, 60_000, 60_000, 60_000],
    )
    live(61_000)
    live(500)
    live(500)
    assert.equal(live(500)?.delayMs, 15_000)
  })

  it('suspects nothing when one of them lasts', () => {
    const live = setUp()
    for (const lifeMs of [500, 500, 20_000, 500, 500]) assert.equal(live(lifeMs), undefined)
  })

  it('does not count what never stood', () => {
    const watch = new TakeOverWatch(() => 0)
    for (let attempt = 0; attempt < 5; attempt++) assert.equal(watch.closed(closed), undefined)
  })
})
