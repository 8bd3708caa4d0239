/** Which dead letters: what the node is set to, narrowed by what a message asks for. */
import { PipelineError } from '../../wire/errors'
import { EXPECTED } from '../../config/expected'
import { parseInstant } from '../../time/instant'

export interface DeadLetterFilter {
  readonly tenant: string | undefined
  /** The code of the reason, such as `JSON_INVALID` or `22P02`; the whole text for a letter without a code. */
  readonly reason: string | undefined
  /** Milliseconds since 1970; letters that failed then or later. */
  readonly fromMs: number | undefined
  /** Milliseconds since 1970; letters that failed before. */
  readonly toMs: number | undefined
  readonly limit: number
  /** The id of a letter: those that come after it in a list. */
  readonly before: string | undefined
}

/** How a time is written: milliseconds since 1970, or a date, with a time, with a zone. */
export const TIME = /^(\d{1,15}|\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?)$/

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const KEYS = ['tenant', 'reason', 'from', 'to', 'limit', 'before']

/** @returns undefined for no text */
export function parseFilterTime(name: string, given: unknown): number | undefined {
  if (given === undefined || given === null || given === '') return undefined
  const isDate = given instanceof Date && !isNaN(given.getTime())
  const text = isDate ? given.toISOString() : typeof given === 'number' ? `${given}` : given
  if (typeof text !== 'string') throw refused(`"${name}" is no text; expected ${EXPECTED.instant}`)
  const time = TIME.test(text) ? parseInstant(text) : undefined
  if (time !== undefined) return time
  throw refused(`"${name}" is ${JSON.stringify(given)}; expected ${EXPECTED.instant}`)
}

/**
 * A message can only narrow what the node is set to. Numbers and booleans, as an Inject node sends them, ask for
 * nothing.
 * @throws PipelineError `FILTER_INVALID`, not retryable: an unknown or misspelt property would replay too much
 */
export function narrowed(filter: DeadLetterFilter, payload: unknown): DeadLetterFilter {
  if (payload === undefined || payload === null || payload === '') return filter
  if (typeof payload === 'number' || typeof payload === 'boolean') return filter
  if (typeof payload !== 'object' || Array.isArray(payload) || ArrayBuffer.isView(payload)) {
    throw refused(`msg.payload is no object; expected one with some of ${KEYS.join(', ')}`)
  }
  const unknown = Object.keys(payload).find((key) => !KEYS.includes(key))
  if (unknown !== undefined) {
    throw refused(`msg.payload.${unknown} is not known; expected some of ${KEYS.join(', ')}`)
  }
  const asked = payload as Readonly<Record<string, unknown>>
  return {
    tenant: sameText('tenant', filter.tenant, asked.tenant),
    reason: sameText('reason', filter.reason, asked.reason),
    fromMs: later(filter.fromMs, parseFilterTime('from', asked.from)),
    toMs: earlier(filter.toMs, parseFilterTime('to', asked.to)),
    limit: Math.min(filter.limit, limitOf(asked.limit) ?? filter.limit),
    before: letterIdOf(asked.before) ?? filter.before,
  }
}

function sameText(name: string, set: string | undefined, asked: unknown): string | undefined {
  if (asked === undefined || asked === null || asked === '') return set
  if (typeof asked !== 'string') throw refused(`"${name}" is not a text`)
  if (set === undefined || set === asked) return asked
  throw refused(`this node is set to the ${name} ${JSON.stringify(set)}, and the message asks for another`)
}

function limitOf(asked: unknown): number | undefined {
  if (asked === undefined || asked === null || asked === '') return undefined
  const limit = Number(asked)
  if (Number.isSafeInteger(limit) && limit >= 1) return limit
  throw refused('"limit" is not a whole number from 1 on')
}

function letterIdOf(asked: unknown): string | undefined {
  if (asked === undefined || asked === null || asked === '') return undefined
  if (typeof asked === 'string' && UUID.test(asked)) return asked
  throw refused('"before" is not the id of a dead letter')
}

const later = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)
const earlier = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)

function refused(message: string): PipelineError {
  return new PipelineError('FILTER_INVALID', message, { retryable: false, status: 'checkFilter' })
}
