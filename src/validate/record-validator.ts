/**
 * Judges one record by the rules: the first rule whose condition matches, and after it the rules that are further formats for
 * the same records. The first format that fits is the record's.
 *
 * A payload that fits is handed on as the very bytes that came. It is replaced by a value only when unknown fields have been
 * removed from it.
 */
import type { ErrorObject } from 'ajv'
import { asRecordError, type PipelineError } from '../wire/errors'
import type { WireRecord } from '../wire/message'
import type { Condition } from './condition'
import { openPayload, type OpenedPayload } from './payload'
import { InvalidRecord, notFitting, reasonsOf, type Reason } from './reasons'
import type { CompiledSchema } from './schema'
import { inexactNumber, withoutUnknown } from './unknown-fields'

/** One of several shapes that the records of a rule may have. */
export interface Format {
  /** `rule 2 (old)`. */
  readonly name: string
  readonly schema: CompiledSchema
}

export interface CompiledRule {
  readonly name: string
  readonly condition: Condition
  readonly formats: readonly Format[]
}

export interface ValidatorOptions {
  readonly rules: readonly CompiledRule[]
  /** What a field is that the schema forbids with `additionalProperties` or `unevaluatedProperties`. */
  readonly unknownFields: 'reject' | 'remove'
  /** What a record is for which there is no rule. */
  readonly noRule: 'reject' | 'pass'
}

/** Of a larger payload only the first reason is looked for: a list of a million wrong elements would give a million. */
const MAX_LENGTH = 256 * 1024
/** The same for a value of the flow, which has no length: properties and elements in all of it. */
const MAX_PARTS = 20_000

export type Verdict = 'valid' | 'unchecked' | PipelineError

export class RecordValidator {
  constructor(private readonly options: ValidatorOptions) {}

  /** Never throws: what cannot be read is refused. */
  judge(record: WireRecord): Verdict {
    try {
      return this.judgeOpened(record)
    } catch (thrown) {
      // A getter of another node, or a value that is nested deeper than the stack.
      return asRecordError(thrown)
    }
  }

  private judgeOpened(record: WireRecord): Verdict {
    const opened = openPayload(record.payload)
    const value = 'why' in opened ? undefined : opened.value
    const rule = this.options.rules.find(({ condition }) => condition(record, value))
    if (rule === undefined) return this.options.noRule === 'pass' ? 'unchecked' : noRule()
    if ('why' in opened) return refused(opened.code, 'json', opened.why)
    const format = rule.formats.find(({ schema }) => schema.accepts(value))
    return format === undefined ? this.refuse(record, rule, opened) : 'valid'
  }

  /** @returns `valid` when the record fits without its unknown fields, and those may be removed */
  private refuse(record: WireRecord, rule: CompiledRule, opened: OpenedPayload): Verdict {
    const { value, text } = opened
    const isSmall = text === undefined ? hasFewParts(value) : text.length <= MAX_LENGTH
    const several = rule.formats.length > 1
    const reasons: Reason[] = []
    let count = 0
    for (const { name, schema } of rule.formats) {
      const errors = isSmall ? schema.errorsOf(value) : schema.firstErrorOf(value)
      if (isSmall && this.options.unknownFields === 'remove') {
        const verdict = strip(record, schema, opened, errors)
        if (verdict !== undefined) return verdict
      }
      count += errors.length
      reasons.push(...reasonsOf(errors, value, several ? name : undefined))
    }
    return notFitting(rule.name, reasons, count)
  }
}

function strip(
  record: WireRecord,
  schema: CompiledSchema,
  { value, text }: OpenedPayload,
  errors: readonly ErrorObject[],
): Verdict | undefined {
  const stripped = withoutUnknown(value, errors)
  if (stripped === undefined || !schema.accepts(stripped)) return undefined
  const inexact = text === undefined ? undefined : inexactNumber(text)
  if (inexact !== undefined) {
    const why =
      'the payload has a number with more digits than JavaScript keeps, so it cannot be written again without a change'
    return refused('NUMBER_INEXACT', 'number', why)
  }
  record.payload = stripped
  return 'valid'
}

function refused(code: string, rule: string, why: string): InvalidRecord {
  return new InvalidRecord(code, why, [{ path: '', rule, message: why }])
}

function noRule(): InvalidRecord {
  return refused('NO_RULE', 'rule', 'no rule is for this record: add one, or let records without a rule pass')
}

function hasFewParts(value: unknown): boolean {
  const open: unknown[] = [value]
  for (let parts = 0; open.length > 0; parts++) {
    const part = open.pop()
    if (parts + open.length > MAX_PARTS) return false
    if (typeof part === 'object' && part !== null) for (const inner of Object.values(part)) open.push(inner)
  }
  return true
}
