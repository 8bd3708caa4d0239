import assert from 'node:assert/strict'
import { retryForEver } from '../../../src/batching/retry'
import { PipelineError } from '../../../src/wire/errors'

const backoff = { initialMs: 0, maxMs: 0 }
const transient = new PipelineError('GONE', 'gone', { retryable: true })

describe('retrying', () => {
  it('retries until it succeeds, and reports each failure', async () => {
    let attempts = 0
    const problems: string[] = []
    const result = await retryForEver(
      () => (++attempts < 5 ? Promise.reject(transient) : Promise.resolve('done')),
      {
        signal: new AbortController().signal,
        onProblem: ({ code }) => problems.push(code),
        backoff,
      },
    )
    assert.deepEqual([result, problems], ['done', ['GONE', 'GONE', 'GONE', 'GONE']])
  })

  it('ends with an error that no attempt can fix', async () => {
    const permanent = new PipelineError('NEVER', 'never', { retryable: false })
    const { signal } = new AbortController()
    await assert.rejects(
      retryForEver(() => Promise.reject(permanent), { signal, onProblem: () => undefined }),
      permanent,
    )
  })

  it('leaves to its caller what the caller gives up on', async () => {
    const { signal } = new AbortController()
    const givesUp = (error: PipelineError): boolean => error === transient
    await assert.rejects(
      retryForEver(() => Promise.reject(transient), { signal, onProblem: () => undefined, givesUp }),
      transient,
    )
  })

  it('ends when it is closed, also in a long pause', async () => {
    const closing = new AbortController()
    const retrying = retryForEver(() => Promise.reject(transient), {
      signal: closing.signal,
      onProblem: () => setImmediate(() => closing.abort()),
      backoff: { initialMs: 1e9, maxMs: 1e9 },
    })
    await assert.rejects(retrying, { code: 'SINK_CLOSED', retryable: true })
  })
})
