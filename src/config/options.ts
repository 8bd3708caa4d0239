/**
 * Reads a node's configuration once, at the border, into a readonly value. The editor stores numbers as text
 * and Node-RED replaces `${NAME}` before we see it; past this border there are no strings of the editor.
 *
 * A node lists its options in one table, each with its default, bounds and unit. The dialog uses the same table and
 * this code: `editor/properties.ts`.
 */
import { PipelineError } from '../wire/errors'
import { EXPECTED, type Expected } from './expected'
import { phrase } from '../status/phrase'

export interface IntegerOption {
  readonly kind: 'integer'
  readonly default: number
  /** See `ChoiceOption`. */
  readonly ofNewNode?: number
  readonly min: number
  readonly max: number
  /** `ms`, `bytes`, `messages`; the dialogs have words for it: `shared.unit` in `editor/locales`. */
  readonly unit: string
}
export interface ChoiceOption<T extends string> {
  readonly kind: 'choice'
  readonly default: T
  /** What a node from the palette gets. Saved flows that do not say it keep what `default` has always meant for them. */
  readonly ofNewNode: T
  readonly choices: readonly T[]
}
export interface FlagOption {
  readonly kind: 'flag'
  readonly default: boolean
}
export interface TextOption {
  readonly kind: 'text'
  readonly default: string
  readonly required: boolean
  /** A whole value that does not match is refused. */
  readonly pattern?: RegExp
  /** Says what the text has to be. */
  readonly expects?: Expected
  /** People put logins here by mistake, so an error does not quote it. */
  readonly confidential?: boolean
}
export type Option = IntegerOption | ChoiceOption<string> | FlagOption | TextOption
export type OptionTable = Readonly<Record<string, Option>>

export type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends IntegerOption
    ? number
    : T[K] extends FlagOption
      ? boolean
      : T[K] extends ChoiceOption<infer C>
        ? C
        : string
}

export const integer = (option: Omit<IntegerOption, 'kind'>): IntegerOption => ({
  kind: 'integer',
  ...option,
})
export const flag = (byDefault: boolean): FlagOption => ({ kind: 'flag', default: byDefault })
export const choice = <T extends string>(
  choices: readonly T[],
  byDefault: NoInfer<T>,
  ofNewNode: NoInfer<T> = byDefault,
): ChoiceOption<T> => ({
  kind: 'choice',
  choices,
  default: byDefault,
  ofNewNode,
})
export const text = (option: Partial<Omit<TextOption, 'kind'>> = {}): TextOption => ({
  kind: 'text',
  default: '',
  required: false,
  ...option,
})

/** What a new node has; `default` is what a missing property means. */
export const valueOfNewNode = (option: Option): string | number | boolean =>
  ('ofNewNode' in option ? option.ofNewNode : undefined) ?? option.default

/** By which two values of a property are compared: what the editor saves as text may be a number in an older flow. */
export function comparable(option: Option | undefined, given: unknown): string {
  const missing = given === undefined || given === null || given === ''
  return missing ? String(option?.default ?? '') : asText(given)
}

/**
 * @param config the node's configuration as Node-RED hands it over
 * @throws PipelineError `CONFIG_INVALID`, naming the property, the value and what is expected
 */
export function readOptions<T extends OptionTable>(table: T, config: object): OptionValues<T> {
  const given = config as Readonly<Record<string, unknown>>
  const entries = Object.entries(table).map(([name, option]) => [name, readOption(name, option, given[name])])
  return Object.fromEntries(entries) as OptionValues<T>
}

function readOption(name: string, option: Option, given: unknown): string | number | boolean {
  const missing = given === undefined || given === null || given === ''
  // A default may name one, for a node that looks itself whether it needs the value.
  if (!missing && given !== option.default) checkVariables(name, given)
  switch (option.kind) {
    case 'integer': {
      const value = missing ? option.default : Number(given)
      if (Number.isSafeInteger(value) && value >= option.min && value <= option.max) return value
      throw invalid(name, given, `a whole number from ${option.min} to ${option.max} ${option.unit}`)
    }
    case 'choice': {
      const value = missing ? option.default : asText(given)
      if (option.choices.includes(value)) return value
      throw invalid(name, given, `one of ${option.choices.join(', ')}`)
    }
    case 'flag':
      if (missing) return option.default
      if (given === true || given === 'true') return true
      if (given === false || given === 'false') return false
      throw invalid(name, given, 'true or false')
    case 'text': {
      const value = missing ? option.default : asText(given)
      if (value === '' && option.required) throw invalid(name, given, expectedOf(option) ?? 'a value')
      if (value !== '' && option.pattern !== undefined && !option.pattern.test(value)) {
        throw invalid(
          name,
          option.confidential === true ? CONFIDENTIAL : given,
          expectedOf(option) ?? `text that matches ${String(option.pattern)}`,
        )
      }
      return value
    }
  }
}

const expectedOf = ({ expects }: TextOption): string | undefined => expects && EXPECTED[expects]

/** What Node-RED replaces, in both of its notations, and leaves as it is when the variable is not set. */
const WHOLE_VARIABLE = /^\$(?:\{(\S+)\}|\((\S+)\))$/
const VARIABLE_WITHIN = /\$\{[A-Za-z_]\w*\}/

/**
 * Node-RED has put in the values of environment variables before we see a configuration: one that is still there is not
 * set, or stands where Node-RED does not look.
 * @throws PipelineError `CONFIG_INVALID`
 */
function checkVariables(name: string, given: unknown): void {
  checkVariable(name, given)
  const value = asText(given)
  const within = VARIABLE_WITHIN.exec(value)
  if (within === null) return
  // Before an @ it could be a piece of a password.
  const variable = value.includes('@', within.index) ? 'an environment variable' : within[0]
  throw new PipelineError(
    'CONFIG_INVALID',
    `"${name}" has ${variable} within its value, and Node-RED replaces whole values only; ` +
      'put the whole value into one environment variable',
    { retryable: false, status: phrase('variableWithin', { option: name }) },
  )
}

/**
 * For a whole value, also one of the credentials.
 * @throws PipelineError `CONFIG_INVALID` when it is an environment variable that is not set
 */
export function checkVariable(name: string, given: unknown): void {
  if (typeof given !== 'string') return
  const [, inBraces, inParentheses] = WHOLE_VARIABLE.exec(given) ?? []
  const variable = inBraces ?? inParentheses
  if (variable === undefined) return
  throw new PipelineError(
    'CONFIG_INVALID',
    `"${name}" is ${given}, and the environment variable ${variable} is not set; ` +
      'set it where Node-RED is started, or enter a value',
    { retryable: false, status: phrase('variableNotSet', { option: name, variable }) },
  )
}

/** Stands for a value that an error does not quote. */
const CONFIDENTIAL = Symbol('confidential')

/** A value that is no text, number or flag becomes JSON: it fails the check and is shown as that. */
function asText(given: unknown): string {
  return typeof given === 'string' ? given : JSON.stringify(given)
}

function invalid(name: string, given: unknown, expects: string): PipelineError {
  const isShown = given !== undefined && given !== '' && given !== CONFIDENTIAL
  const shown = isShown ? JSON.stringify(given) : given === CONFIDENTIAL ? 'something else' : 'nothing'
  return new PipelineError('CONFIG_INVALID', `"${name}" is ${shown}; expected ${expects}`, {
    retryable: false,
    status: phrase('check', { option: name }),
  })
}
