/**
 * Makes kafkajs 2.2.4 independent of the wall clock being set. It measures with `Date.now()`: after a step back of an
 * hour a silent broker keeps its request for an hour, no heartbeat leaves for an hour, so the group expels the member,
 * and a step ahead lets every open request time out at once.
 *
 * kafkajs keeps the times of day at which something began or ends in a few properties, and compares them with now. They
 * become accessors here: such a time keeps its distance from now, whatever happens to the clock. A kafkajs that does
 * not look as we know it is left alone.
 */
import { createRequire } from 'node:module'

const FOLLOWS = Symbol.for('tenant-pipeline: follows the clock')

/** Each is the only export of its file: a class of which an instance gets the property assigned. */
const TIMES_OF_DAY = {
  'kafkajs/src/network/requestQueue/socketRequest': ['createdAt', 'sentAt'],
  'kafkajs/src/network/requestQueue': ['throttledUntil'],
  'kafkajs/src/consumer/consumerGroup': ['lastRequest'],
  'kafkajs/src/consumer/offsetManager': ['lastCommit'],
  'kafkajs/src/cluster/brokerPool': ['metadataExpireAt'],
} as const

interface Clock {
  /** Milliseconds since 1970; may jump. */
  now(): number
  /** Milliseconds; only grows. */
  elapsed(): number
}

/** Read at each call, so that a clock that is replaced is followed. */
const systemClock: Clock = { now: () => Date.now(), elapsed: () => performance.now() }

/** Call it before the first client is made; once is enough, more does nothing. */
export function ignoreClockSteps(): void {
  const require = createRequire(__filename)
  for (const [file, properties] of Object.entries(TIMES_OF_DAY)) {
    const prototype = prototypeOf(require, file)
    if (prototype === undefined || Object.hasOwn(prototype, FOLLOWS)) continue
    Object.defineProperty(prototype, FOLLOWS, { value: true })
    for (const property of properties) followClock(prototype, property)
  }
}

/** A time of day that is assigned to the property moves along when the clock is set. Anything else stays as it is. */
export function followClock(prototype: object, property: string, clock: Clock = systemClock): void {
  const values = new WeakMap<object, unknown>()
  Object.defineProperty(prototype, property, {
    configurable: true,
    get(this: object): unknown {
      const value = values.get(this)
      return typeof value === 'number' ? Math.round(value + clock.now() - clock.elapsed()) : value
    },
    set(this: object, value: unknown) {
      values.set(this, typeof value === 'number' ? value - clock.now() + clock.elapsed() : value)
    },
  })
}

function prototypeOf(require: NodeJS.Require, file: string): object | undefined {
  try {
    return (require(file) as { readonly prototype?: object }).prototype
  } catch {
    return undefined
  }
}
