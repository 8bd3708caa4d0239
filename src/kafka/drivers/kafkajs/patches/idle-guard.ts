/**
 * Stops a busy loop in kafkajs 2.2.4: after its first answer every connection arms a timer with a negative time
 * that never ends, 925 wake-ups a second and 2 % of a CPU when idle; Node.js 24 prints a warning for it as well. The same
 * change is proposed in tulios/kafkajs#1667 and was never released.
 *
 * The guard arms the timer only when there is something to wait for. A kafkajs that does not look as we know it is
 * left alone.
 */
import { createRequire } from 'node:module'

const GUARDED = Symbol('idle timer guarded')

interface RequestQueue {
  readonly pending: readonly unknown[]
  /** Milliseconds since 1970; in the past when the broker does not throttle us. */
  readonly throttledUntil: number
}

interface RequestQueueClass {
  prototype: RequestQueue & { scheduleCheckPendingRequests?: unknown; [GUARDED]?: true }
}

/** Call it before the first client is made; once is enough, more does nothing. */
export function guardIdleTimer(): void {
  const prototype = requestQueueClass()?.prototype
  if (prototype === undefined || prototype[GUARDED]) return
  const schedule = prototype.scheduleCheckPendingRequests
  if (typeof schedule !== 'function' || schedule.length !== 0) return
  prototype[GUARDED] = true
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length === 0 && this.throttledUntil <= Date.now()) return
    schedule.call(this)
  }
}

function requestQueueClass(): RequestQueueClass | undefined {
  try {
    return createRequire(__filename)('kafkajs/src/network/requestQueue') as RequestQueueClass
  } catch {
    return undefined
  }
}
