/**
 * The errors of this package: a stable code, a sentence that says what, where and how to fix it, and whether
 * another attempt can help. Callers ask `retryable`; never match texts.
 */
import { asPhrase, phrase, type Phrase, type PlainKey } from '../status/phrase'
import { english } from '../status/text'

export interface PipelineErrorOptions {
  /** Another attempt may succeed. `false` only when the same input can never succeed. */
  readonly retryable: boolean
  /** What the status of a node says, in at most about 40 characters; the default is the message. */
  readonly status?: PlainKey | Phrase
  readonly cause?: unknown
  /** What works for the node is being closed, as in a deploy: nothing is wrong with the message. Default: false. */
  readonly closing?: boolean
}

export class PipelineError extends Error {
  readonly code: string
  readonly retryable: boolean
  readonly status: Phrase
  readonly closing: boolean

  constructor(code: string, message: string, options: PipelineErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'PipelineError'
    this.code = code
    this.retryable = options.retryable
    this.closing = options.closing ?? false
    this.status = asPhrase(options.status ?? phrase('verbatim', { text: message }))
  }

  /** In English; what a node shows is in the language of Node-RED. */
  get statusText(): string {
    return english(this.status)
  }
}

/**
 * Any thrown value as a `PipelineError`. An error from elsewhere (a Function node, a library) counts as
 * transient unless it says `retryable: false` itself: a message is never given up because of a guess.
 */
export function asPipelineError(thrown: unknown, code = 'NODE_FAILED'): PipelineError {
  if (thrown instanceof PipelineError) return thrown
  const retryable = read(() => (thrown as { retryable?: unknown } | null | undefined)?.retryable) !== false
  return new PipelineError(code, describeError(thrown), { retryable, cause: thrown })
}

/**
 * What our own code has thrown over one record, while it read or encoded it: every attempt would throw it again, so it
 * is permanent, and the record is rejected. Only a lack of memory passes.
 */
export function asRecordError(thrown: unknown): PipelineError {
  if (thrown instanceof PipelineError) return thrown
  const text = describeError(thrown)
  if (/allocation failed/i.test(text)) return asPipelineError(thrown)
  return new PipelineError('RECORD_INVALID', `the record cannot be read: ${text}`, {
    retryable: false,
    status: 'invalidRecord',
    cause: thrown,
  })
}

/** The text of any thrown value. */
export function describeError(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === '')
    return thrown.errors.map(describeError).join('; ')
  const text = read(() => String(thrown instanceof Error ? thrown.message : thrown))
  return typeof text === 'string' ? text : 'an error that cannot be read'
}

/** Anything can be thrown, also what throws when it is looked at. */
function read(look: () => unknown): unknown {
  try {
    return look()
  } catch {
    return undefined
  }
}
