/**
 * A JSON Schema, compiled once by Ajv into a function (`new Function`, which Node-RED's own Function nodes need as well).
 *
 * The author of a schema is trusted, the values are not: expressions run in linear time, no property is taken from a
 * prototype, and nothing is fetched for a reference: `$ref` leads to a place within the schema.
 */
import type { ErrorObject, Options, ValidateFunction } from 'ajv'
import type Ajv from 'ajv'
import { compileLinear } from '../config/linear-pattern'
import { describeError } from '../wire/errors'
import { areUnique, FORMATS } from './formats'
import { placeOfKeyword, placeOfRef, placeOfText } from './schema-place'
import { isSchema } from './rules'

export interface CompiledSchema {
  /** Ends with the first thing that does not fit. */
  readonly accepts: (value: unknown) => boolean
  /** The first thing that does not fit. */
  readonly firstErrorOf: (value: unknown) => readonly ErrorObject[]
  /** All that does not fit; empty when it is accepted. */
  readonly errorsOf: (value: unknown) => readonly ErrorObject[]
}

/** By the end of what `$schema` says; without it, the newest. */
const DRAFTS: readonly (readonly [RegExp, 'draft-07' | '2020-12'])[] = [
  [/^https?:\/\/json-schema\.org\/draft-07\/schema#?$/, 'draft-07'],
  [/^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/, '2020-12'],
]

/** @throws Error with a sentence that says what is wrong, and at which place of the schema */
export function compileSchema(schema: Record<string, unknown>): CompiledSchema {
  const draft = draftOf(schema)
  if (schema.$async !== undefined) throw new Error('"$async" cannot be used here')
  const first = compile(schema, draft, false)
  let all: ValidateFunction | undefined
  return {
    accepts: (value) => first(value),
    firstErrorOf: (value) => (first(value) ? [] : (first.errors ?? [])),
    errorsOf(value) {
      all ??= compile(schema, draft, true)
      return all(value) ? [] : (all.errors ?? [])
    },
  }
}

/** @throws Error with a sentence */
export function parseSchema(text: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    // The engine's own sentence quotes the text, and a path may lead to any file of the server.
    const at = /at position \d+(?: \(line \d+ column \d+\))?/.exec(describeError(error))?.[0]
    throw new Error(`the schema is not JSON${at === undefined ? '' : ` ${at}`}`)
  }
  if (!isSchema(parsed)) throw new Error('the schema is JSON, but not an object')
  return parsed
}

type Draft = (typeof DRAFTS)[number][1]

function draftOf({ $schema }: Record<string, unknown>): Draft {
  if ($schema === undefined) return '2020-12'
  const known = DRAFTS.find(([uri]) => typeof $schema === 'string' && uri.test($schema))
  if (known !== undefined) return known[1]
  throw new Error(
    '"$schema" names another draft than the two that are read here: leave it out for draft 2020-12, or write ' +
      '"http://json-schema.org/draft-07/schema#"',
  )
}

const OPTIONS: Options = {
  // A keyword that does not exist is a typing error more often than not.
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  allowUnionTypes: true,
  ownProperties: true,
  formats: FORMATS,
  // 0.3 is a multiple of 0.1, whatever the bits of the two say.
  multipleOfPrecision: 9,
  code: { regExp: linearExpression },
  logger: false,
}

const validators = new Map<string, Ajv>()

/** Shared, because compiling the schema of a draft takes longer than all that users write. */
function validatorFor(draft: Draft, allErrors: boolean): Ajv {
  const key = `${draft} ${String(allErrors)}`
  const known = validators.get(key)
  if (known !== undefined) return known
  const options = { ...OPTIONS, allErrors }
  // Loaded with the first schema: a Node-RED without such a node does not need it.
  /* eslint-disable @typescript-eslint/no-require-imports */
  const made: Ajv =
    draft === '2020-12'
      ? new (require('ajv/dist/2020') as typeof import('ajv/dist/2020')).Ajv2020(options)
      : new (require('ajv') as typeof import('ajv')).Ajv(options)
  /* eslint-enable @typescript-eslint/no-require-imports */
  made.removeKeyword('uniqueItems')
  made.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    errors: false,
    validate: (isWanted: boolean, list: readonly unknown[]) => !isWanted || areUnique(list),
    error: { message: 'must NOT have duplicate items' },
  })
  validators.set(key, made)
  return made
}

function compile(schema: Record<string, unknown>, draft: Draft, allErrors: boolean): ValidateFunction {
  const validator = validatorFor(draft, allErrors)
  try {
    if (validator.validateSchema(schema) !== true) throw new Error(invalidAt(validator.errors?.[0]))
    return validator.compile(schema)
  } catch (error) {
    throw new Error(inWords(error, schema), { cause: error })
  } finally {
    // It keeps what it has compiled by the object, and a schema with an `$id` by that: two rules may have the same.
    validator.removeSchema(schema)
  }
}

function invalidAt(error: ErrorObject | undefined): string {
  return `${error?.instancePath || 'the schema'} ${error?.message ?? 'is not a schema'}${allowedBy(error)}`
}

const allowedBy = (error: ErrorObject | undefined): string => {
  const allowed = (error?.params as { allowedValues?: unknown } | undefined)?.allowedValues
  return Array.isArray(allowed) ? ` (${allowed.join(', ')})` : ''
}

/** The validator's own sentences, with the place where they have none. */
function inWords(error: unknown, schema: Record<string, unknown>): string {
  const text = describeError(error)
  const unknownKeyword = /unknown keyword: "(.*)"/.exec(text)?.[1]
  if (unknownKeyword !== undefined) {
    const place = placeOfKeyword(schema, unknownKeyword)
    return `${place}: there is no keyword "${unknownKeyword}" in this draft; correct it, or leave it out`
  }
  const [, format, at] = /unknown format "(.*)" ignored in schema at path "#?(.*)"/.exec(text) ?? []
  if (format !== undefined) {
    const known = Object.keys(FORMATS).join(', ')
    return `${at || 'the schema'}: the format "${format}" is not one of those that are checked here (${known}); write a "pattern", or leave it out`
  }
  const reference = (error as { missingRef?: unknown } | null)?.missingRef
  if (typeof reference === 'string') {
    return `${placeOfRef(schema, reference)}: the reference "${reference}" leads nowhere; it has to lead to a place within this schema, such as #/$defs/point, because nothing is fetched`
  }
  if (error instanceof ExpressionError) {
    return `${placeOfText(schema, error.expression)}: the expression cannot be used: ${error.message}`
  }
  return text.replace(/^strict mode: /, '')
}

class ExpressionError extends Error {
  constructor(
    readonly expression: string,
    cause: unknown,
  ) {
    super(describeError(cause), { cause })
  }
}

/** Ajv needs `code` only for modules that it writes, and tells expressions apart by their text. */
function linearExpression(expression: string): { test: (text: string) => boolean; toString: () => string } {
  try {
    const compiled = compileLinear(expression)
    return { test: (text) => compiled.test(text), toString: () => expression }
  } catch (error) {
    throw new ExpressionError(expression, error)
  }
}
linearExpression.code = 'linearExpression'
