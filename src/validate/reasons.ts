/** Why a record does not fit: for the user of the second output, with the values, and for the log, without them. */
import type { ErrorObject } from 'ajv'
import { pointerSteps } from '../record/json-pointer'
import { PipelineError } from '../wire/errors'
import type { MessageError } from '../wire/message'

/** One thing that does not fit. */
export interface Reason {
  /** A JSON pointer into the payload; empty: the payload as a whole. */
  readonly path: string
  /** The keyword of the schema, such as `required` or `maximum`. */
  readonly rule: string
  readonly message: string
  /** As JSON, shortened. Left out where there is none. */
  readonly value?: string
  /** Which of several rules has said so. */
  readonly format?: string
}

/** A record that is refused, with all reasons. Its message has no value of the payload: it goes into the log. */
export class InvalidRecord extends PipelineError {
  constructor(
    code: string,
    sentence: string,
    readonly reasons: readonly Reason[],
  ) {
    super(code, sentence, { retryable: false, status: 'invalidRecord' })
  }
}

/** More are counted only. */
const MAX_REASONS = 20
const MAX_NAMED = 3
const MAX_PATH = 120
const MAX_VALUE = 80

/** Keywords that only say that one of several schemas was tried: their own errors stand beside them. */
const JOINING: ReadonlySet<string> = new Set(['if', 'allOf', '$ref'])

export function reasonsOf(
  errors: readonly ErrorObject[],
  payload: unknown,
  format: string | undefined,
): Reason[] {
  return errors
    .filter(({ keyword }) => !JOINING.has(keyword) || errors.length === 1)
    .slice(0, MAX_REASONS)
    .map(({ instancePath, keyword, message = '', params, propertyName }) => {
      const name = nameIn(params) ?? propertyName
      const found = keyword === 'required' ? undefined : shownAt(payload, instancePath, keyword, name)
      return {
        path: shortened(instancePath, MAX_PATH),
        rule: keyword,
        message: name === undefined || keyword === 'required' ? message : `${message}: ${shown(name)}`,
        ...(found !== undefined && { value: found }),
        ...(format !== undefined && { format }),
      }
    })
}

/** @param count of all reasons, also of those that are not listed */
export function notFitting(place: string, reasons: readonly Reason[], count: number): InvalidRecord {
  const named = reasons.slice(0, MAX_NAMED).map(({ path, rule, message, format }) => {
    // A name in it was chosen by the device.
    const words = rule === 'required' ? message : message.replace(/: ".*$/s, '')
    return `${format === undefined ? '' : `${format}: `}${path || 'the payload'} ${words}`
  })
  const more = count - named.length
  const rest = more > 0 ? `; and ${more} more` : ''
  return new InvalidRecord(
    'SCHEMA_MISMATCH',
    `the payload does not fit the schema of ${place}: ${named.join('; ')}${rest}`,
    reasons.slice(0, MAX_REASONS),
  )
}

/** The property that is one too many, or whose name does not fit. */
function nameIn(params: Record<string, unknown>): string | undefined {
  const name = params.additionalProperty ?? params.unevaluatedProperty ?? params.propertyName
  return typeof name === 'string' ? name : undefined
}

function shownAt(
  payload: unknown,
  pointer: string,
  rule: string,
  name: string | undefined,
): string | undefined {
  const steps = pointerSteps(pointer)
  const isExtra = /^(additional|unevaluated)Properties$/.test(rule)
  let value = payload
  for (const step of isExtra && name !== undefined ? [...steps, name] : steps) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return shown(value)
}

/** What is large is not written out to be cut: a device may send a megabyte. */
export function shown(value: unknown): string {
  if (typeof value === 'string') {
    const cut = value.length > MAX_VALUE
    return `${JSON.stringify(cut ? value.slice(0, MAX_VALUE) : value)}${cut ? '…' : ''}`
  }
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null)
    return `an object of ${Object.keys(value).length} properties`
  return String(value)
}

function shortened(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max)}…`
}

/** `msg.error` of a refused record, with its reasons. */
export function describeInvalid(described: MessageError, error: PipelineError): MessageError {
  return error instanceof InvalidRecord ? { ...described, reasons: error.reasons } : described
}
