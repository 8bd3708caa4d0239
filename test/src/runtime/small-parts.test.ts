import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { backoffMs } from '../../../src/time/backoff'
import { endsBefore, settlesWithin } from '../../../src/time/deadline'
import { asPipelineError, describeError, PipelineError } from '../../../src/wire/errors'
import type { Status } from '../../../src/status/status'
import { StatusLine } from '../../../src/runtime/status-line'
import { Users } from '../../../src/runtime/users'

describe('backoffMs', () => {
  it('doubles up to its limit, and spreads over the upper half', () => {
    const options = { initialMs: 100, maxMs: 1000 }
    assert.deepEqual(
      [1, 2, 3, 4, 5, 500].map((attempt) => backoffMs(attempt, options, 0)),
      [50, 100, 200, 400, 500, 500],
    )
    assert.equal(backoffMs(1, options, 0.999), 100)
  })
})

describe('Users', () => {
  it('is idle when everybody has let go, each once', async () => {
    const users = new Users()
    await users.idle()
    const [first, second] = [users.add(), users.add()]
    let idle = false
    const wait = users.idle().then(() => (idle = true))
    first()
    first()
    await Promise.resolve()
    assert.equal(idle, false)
    assert.equal(users.size, 1)
    second()
    await wait
  })
})

describe('endsBefore', () => {
  it('says which was first, the work or the signal, and leaves nothing behind with the signal', async () => {
    const closing = new AbortController()
    const { signal } = closing
    assert.equal(await endsBefore(Promise.resolve(), signal), true)
    await assert.rejects(endsBefore(Promise.reject(new Error('no')), signal), /no/)
    const pending = endsBefore(new Promise(() => undefined), signal)
    assert.equal(getEventListeners(signal, 'abort').length, 1)
    closing.abort()
    assert.equal(await pending, false)
    assert.equal(await endsBefore(new Promise(() => undefined), signal), false)
  })
})

describe('settlesWithin', () => {
  it('says whether the work ended in time, also with an error', async () => {
    assert.equal(await settlesWithin(Promise.resolve(), 1000), true)
    assert.equal(await settlesWithin(Promise.reject(new Error('no')), 1000), true)
    assert.equal(await settlesWithin(new Promise(() => undefined), 1), false)
  })
})

describe('errors', () => {
  it('count as transient unless they say otherwise', () => {
    assert.equal(asPipelineError(new Error('odd')).retryable, true)
    assert.equal(asPipelineError(Object.assign(new Error('bad'), { retryable: false })).retryable, false)
    assert.equal(asPipelineError('text').message, 'text')
    const own = new PipelineError('CODE', 'sentence', { retryable: false })
    assert.equal(asPipelineError(own), own)
  })

  it('keep all texts of a connection that failed on every address', () => {
    assert.equal(
      describeError(new AggregateError([new Error('::1 refused'), new Error('127.0.0.1 refused')])),
      '::1 refused; 127.0.0.1 refused',
    )
  })
})

describe('StatusLine', () => {
  it('shows the first status at once and then the newest at most once a second', () => {
    const shown: Status[] = []
    let nowMs = 0
    const line = new StatusLine(
      (status) => shown.push(status),
      () => nowMs,
    )
    line.set({ text: 'connecting' })
    line.set({ text: 'joiningGroup' })
    line.set({ text: 'waitingForFlow' })
    assert.deepEqual(shown, [{ text: 'connecting' }])
    line.close()
    assert.deepEqual(shown, [{ text: 'connecting' }, { text: 'waitingForFlow' }])
    nowMs = 5000
    line.set({ text: 'waitingForFlow' })
    assert.equal(shown.length, 2, 'the same status is not sent again')
  })
})
