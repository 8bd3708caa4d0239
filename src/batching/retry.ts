/**
 * Tries the same work until it succeeds, with a growing pause, because what is held here exists nowhere
 * else in the flow. Only closing the node ends it, or an error that no attempt can fix.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffMs, type BackoffOptions } from '../time/backoff'
import { PipelineError } from '../wire/errors'

export interface RetryOptions {
  /** Called after each failed attempt. */
  readonly onProblem: (error: PipelineError) => void
  readonly signal: AbortSignal
  /** Errors that the caller has to deal with, although another attempt may succeed later. */
  readonly givesUp?: (error: PipelineError) => boolean
  readonly backoff?: BackoffOptions
}

const BACKOFF: BackoffOptions = { initialMs: 100, maxMs: 2_000 }

/** @throws PipelineError `SINK_CLOSED`, or the first error that is not retryable or that it gives up on */
export async function retryForEver<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    if (options.signal.aborted) throw closed()
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof PipelineError) || !error.retryable) throw error
      if (options.givesUp?.(error) === true) throw error
      options.onProblem(error)
      const pause = backoffMs(attempt, options.backoff ?? BACKOFF)
      await sleep(pause, undefined, { signal: options.signal }).catch(() => undefined)
    }
  }
}

function closed(): PipelineError {
  const text = 'the node was closed before PostgreSQL had the record; the source brings it again'
  return new PipelineError('SINK_CLOSED', text, { retryable: true, status: 'closed' })
}
