import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { guardIdleTimer } from '../../../../../../src/kafka/drivers/kafkajs/patches/idle-guard'

interface Queue {
  pending: unknown[]
  throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  scheduleCheckPendingRequests(): void
  destroy(): void
}

const RequestQueue = createRequire(__filename)('kafkajs/src/network/requestQueue') as new (
  options: object,
) => Queue

describe('the guard against the idle timer of kafkajs', () => {
  let queue: Queue

  beforeEach(() => {
    guardIdleTimer()
    guardIdleTimer()
    queue = new RequestQueue({ logger: { debug: () => undefined } })
  })

  afterEach(() => queue.destroy())

  it('arms no timer when nothing waits', () => {
    queue.scheduleCheckPendingRequests()
    assert.equal(queue.throttleCheckTimeoutId, null)
  })

  it('leaves the timer when a request waits', () => {
    queue.pending.push({})
    queue.scheduleCheckPendingRequests()
    assert.notEqual(queue.throttleCheckTimeoutId, null)
  })

  it('leaves the timer while the broker throttles us', () => {
    queue.throttledUntil = Date.now() + 60_000
    queue.scheduleCheckPendingRequests()
    assert.notEqual(queue.throttleCheckTimeoutId, null)
  })
})
