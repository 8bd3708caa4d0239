import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { followClock, ignoreClockSteps } from '../../../../../../src/kafka/drivers/kafkajs/patches/clock'

const require = createRequire(__filename)

interface SocketRequest {
  sentAt: number | null
  send(): void
}

/** A request that needs no socket. */
function socketRequest(): SocketRequest {
  const Request = require('kafkajs/src/network/requestQueue/socketRequest') as new (
    options: object,
  ) => SocketRequest
  return new Request({ entry: { correlationId: 1 }, send: () => undefined, timeout: () => undefined })
}

describe('kafkajs and a clock that is set', () => {
  const real = Date.now.bind(Date)
  before(() => {
    ignoreClockSteps()
    ignoreClockSteps()
  })
  afterEach(() => {
    Date.now = real
  })

  it('a time of day keeps its distance from now, whatever the clock does', () => {
    const step = fc.record({ jumpMs: fc.integer({ min: -1e10, max: 1e10 }), passesMs: fc.nat(1e6) })
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e6 }), fc.array(step), (distanceMs, steps) => {
        const clock = { day: 1.7e12, passed: 0, now: () => clock.day, elapsed: () => clock.passed }
        class Kept {
          declare at: number
        }
        followClock(Kept.prototype, 'at', clock)
        const kept = new Kept()
        kept.at = clock.day + distanceMs
        for (const { jumpMs, passesMs } of steps) {
          clock.day += jumpMs + passesMs
          clock.passed += passesMs
        }
        assert.equal(kept.at - clock.day, distanceMs - clock.passed)
      }),
    )
  })

  it('leaves what is no time as it is, and keeps objects apart', () => {
    const [first, second] = [socketRequest(), socketRequest()]
    first.send()
    assert.equal(typeof first.sentAt, 'number')
    assert.equal(second.sentAt, null)
  })

  for (const jumpMs of [-3_600_000, 3_600_000]) {
    it(`a request is not older after a step of ${jumpMs / 1000} s`, () => {
      const request = socketRequest()
      request.send()
      Date.now = () => real() + jumpMs
      const age = Date.now() - Number(request.sentAt)
      assert.ok(age >= 0 && age < 60_000, `${age} ms`)
    })
  }

  for (const [file, property] of [
    ['network/requestQueue/socketRequest', 'createdAt'],
    ['network/requestQueue/socketRequest', 'sentAt'],
    ['network/requestQueue', 'throttledUntil'],
    ['consumer/consumerGroup', 'lastRequest'],
    ['consumer/offsetManager', 'lastCommit'],
    ['cluster/brokerPool', 'metadataExpireAt'],
  ] as const) {
    it(`finds ${property} where kafkajs compares it with now`, () => {
      const { prototype } = require(`kafkajs/src/${file}`) as { prototype: object }
      const found = Object.getOwnPropertyDescriptor(prototype, property)
      assert.ok(found !== undefined && 'get' in found)
    })
  }
})
