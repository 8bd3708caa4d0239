/**
 * The rules of a `tenant-validate` node as they are saved: a list in JSON. A rule says of which records it speaks, and
 * which JSON Schema their payloads have to fit. The dialog reads it by this code as well, so nothing here needs Node.js.
 */
import { compileLinear, NOT_IN_RE2 } from '../config/linear-pattern'
import { readPath } from '../record/property-path'
import { phrase } from '../status/phrase'
import { TopicPattern } from '../tenant/topic-pattern'
import { PipelineError } from '../wire/errors'

/** What a condition looks at; `any`: every record; `or`: another format for the records of the rule before it. */
export const WHENS = ['any', 'tenant', 'project', 'device', 'topic', 'property', 'or'] as const
export type When = (typeof WHENS)[number]

/** One entry of the list, as it is saved. */
export interface Rule {
  /** For reasons and for the dialog. */
  readonly name?: string
  readonly when: When
  /** A path such as `levels.type`, with `when: 'property'`. */
  readonly property?: string
  /** A regular expression for the whole text; with `when: 'topic'` a topic pattern, whose `+` and `#` are those of MQTT. */
  readonly is?: string
  /** The JSON Schema as its author has written it. */
  readonly schema?: string
  /** Instead of `schema`: a file with it, read when the node is deployed. */
  readonly file?: string
}

/** What is wrong with an entry; the dialog has words for each, the sentences here are those of the log. */
export const FAULTS = {
  notList: 'they are a list in JSON, of at least one rule',
  notRule: 'it is not an object',
  when: `"when" is one of ${WHENS.join(', ')}`,
  orFirst: '"or" needs a rule before it, whose records it is another format for',
  property: '"property" is a path such as levels.type or payload.type',
  empty: '"is" is empty: it says which records the rule is for',
  expression: '"is" is not a regular expression that can be used here',
  lookAround:
    '"is" looks around or refers back ("(?=", "\\1"); it runs on names that devices choose, so it cannot: list the names, as in north|south',
  topic: '"is" is not a topic pattern such as plant/+/temperature or plant/#',
  noSchema: 'it has no schema: enter one, or the path of a file',
  notJson: 'its schema is not JSON',
  notSchema: 'its schema is JSON, but not an object',
} as const

export type FaultKey = keyof typeof FAULTS

export interface RuleFault {
  readonly key: FaultKey
  /** Of the entry; without it, the list as a whole. */
  readonly index?: number
}

/** What the node would refuse, at most one fault for each rule. */
export function ruleFaults(text: string): RuleFault[] {
  const list = listOf(text)
  if (list === undefined || list.length === 0) return [{ key: 'notList' }]
  return list.flatMap((entry, index) => {
    const key = faultOf(entry, index)
    return key === undefined ? [] : [{ key, index }]
  })
}

/** @throws PipelineError `CONFIG_INVALID` about the first rule that is wrong */
export function readRules(text: string): readonly Rule[] {
  const [fault] = ruleFaults(text)
  const list = listOf(text) as Rule[]
  if (fault !== undefined) throw ruleRefused(list, fault.index, FAULTS[fault.key])
  return list
}

/** @param index of the rule; without one, the list as a whole */
export function ruleRefused(
  rules: readonly Rule[] | undefined,
  index: number | undefined,
  why: string,
): PipelineError {
  const place = index === undefined ? 'the rules cannot be used' : nameOfRule(rules?.[index], index)
  const status =
    index === undefined ? phrase('check', { option: 'rules' }) : phrase('checkRule', { number: index + 1 })
  return new PipelineError('CONFIG_INVALID', `${place}: ${why}`, { retryable: false, status })
}

/** `rule 2 (old format)`. */
export function nameOfRule(rule: Rule | undefined, index: number): string {
  const name = (rule as { name?: unknown } | null | undefined)?.name
  return typeof name === 'string' && name !== '' ? `rule ${index + 1} (${name})` : `rule ${index + 1}`
}

export function listOf(text: string): unknown[] | undefined {
  try {
    const list = JSON.parse(text) as unknown
    return Array.isArray(list) ? list : undefined
  } catch {
    return undefined
  }
}

function faultOf(entry: unknown, index: number): FaultKey | undefined {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return 'notRule'
  const rule = entry as Rule
  if (!WHENS.includes(rule.when)) return 'when'
  return conditionFault(rule, index) ?? schemaFault(rule)
}

function conditionFault({ when, property, is }: Rule, index: number): FaultKey | undefined {
  if (when === 'any') return undefined
  if (when === 'or') return index === 0 ? 'orFirst' : undefined
  if (when === 'property' && (typeof property !== 'string' || readPath(property, 'known') === undefined))
    return 'property'
  if (typeof is !== 'string' || is === '') return 'empty'
  if (when === 'topic') return isFine(() => TopicPattern.compile(is)) ? undefined : 'topic'
  if (NOT_IN_RE2.test(is)) return 'lookAround'
  return isFine(() => compileLinear(is)) ? undefined : 'expression'
}

function schemaFault({ schema, file }: Rule): FaultKey | undefined {
  if (typeof file === 'string' && file !== '') return undefined
  if (typeof schema !== 'string' || schema.trim() === '') return 'noSchema'
  try {
    return isSchema(JSON.parse(schema)) ? undefined : 'notSchema'
  } catch {
    return 'notJson'
  }
}

/** A schema may also be `true`, which fits everything; a rule that says so is more likely a mistake. */
export function isSchema(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isFine(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}
