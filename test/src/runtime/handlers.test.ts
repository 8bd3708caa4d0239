import assert from 'node:assert/strict'
import { closeHandler, inputHandler } from '../../../src/runtime/handlers'
import { keptLog } from '../../support/events'
import { until } from '../../support/until'

describe('inputHandler', () => {
  const run = async (handle: Parameters<typeof inputHandler>[1]) => {
    const { log, entries } = keptLog()
    const told: (string | undefined)[] = []
    const listener = inputHandler(log, handle)
    assert.equal(listener.length, 3)
    listener(
      {},
      () => undefined,
      (error) => {
        told.push(error?.message)
        throw new TypeError('a secret in a hook')
      },
    )
    await until('it is done', () => told.length > 0)
    return { told, entries }
  }

  it('passes to done what is thrown and what is rejected, and once', async () => {
    const thrown = await run((_message, _send, done) => {
      done()
      throw new Error('late')
    })
    assert.deepEqual(thrown.told, [undefined])
    const rejected = await run(() => Promise.reject(new Error('no')))
    assert.deepEqual(rejected.told, ['no'])
  })

  it('survives a done that throws, and does not repeat its words', async () => {
    const { entries } = await run((_message, _send, done) => done())
    assert.equal(entries[0]?.code, 'UNEXPECTED')
    assert.match(entries[0].message, /TypeError at /)
    assert.doesNotMatch(entries[0].message, /secret/)
  })
})

describe('closeHandler', () => {
  it('closes once, at once, and answers both callers', async () => {
    let closed = 0
    let told = 0
    const { log } = keptLog()
    const handler = closeHandler(log, () => {
      closed++
      throw new Error('no')
    })
    assert.equal(handler.length, 2)
    for (const removed of [true, false]) handler(removed, () => told++)
    assert.equal(closed, 1)
    await until('both have their answer', () => told === 2)
  })
})
