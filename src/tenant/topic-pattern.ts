/**
 * The pattern that says which levels of an MQTT topic are the tenant, the project and the device:
 *
 *     mtic/msg/client/realtime/{tenant}/{project}/{device}/#
 *
 * Between two slashes is literal text, one `{name}` with literal text around it if need be, `+` for any one
 * level, or, at the end only, `#` for any number of further levels, none included. `{name?}` is a level that may
 * be missing; only levels that are optional too, and `#`, may follow it.
 *
 * A pattern is compiled once, when the node is deployed; matching compares level by level without a regular
 * expression, so that no topic can make it slow.
 */
import { PipelineError } from '../wire/errors'

/** MQTT 5 §1.5.4: a topic has at most this many bytes. */
const MAX_PATTERN_LENGTH = 65_535
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,31}$/

type Level =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'any' }
  | {
      readonly kind: 'named'
      readonly name: string
      readonly before: string
      readonly after: string
      readonly optional: boolean
    }

/** The named levels of a topic, in the order of the pattern, or why the topic does not match. */
export type TopicMatch = { readonly levels: Record<string, string> } | { readonly reason: string }

export class TopicPattern {
  private readonly required: number

  private constructor(
    readonly text: string,
    private readonly levels: readonly Level[],
    private readonly openEnd: boolean,
  ) {
    const firstOptional = levels.findIndex((level) => level.kind === 'named' && level.optional)
    this.required = firstOptional < 0 ? levels.length : firstOptional
  }

  /** @throws PipelineError `CONFIG_INVALID`, with a sentence about the level that is wrong */
  static compile(text: string): TopicPattern {
    if (text === '') throw refused('it is empty')
    if (text.length > MAX_PATTERN_LENGTH) throw refused(`it has more than ${MAX_PATTERN_LENGTH} characters`)
    const parts = text.split('/')
    const openEnd = parts.at(-1) === '#'
    if (openEnd) parts.pop()
    const levels = parts.map((part, index) => parseLevel(part, index + 1))
    refuseRepeatedNames(levels)
    refuseGapAfterOptional(levels)
    return new TopicPattern(text, levels, openEnd)
  }

  /** The names in the pattern, in its order. */
  get names(): string[] {
    return this.levels.flatMap((level) => (level.kind === 'named' ? [level.name] : []))
  }

  /** Whether a topic that matches always has this level. */
  isRequired(name: string): boolean {
    return this.levels.some((level) => level.kind === 'named' && level.name === name && !level.optional)
  }

  /**
   * The narrowest MQTT subscription that gets every topic of this pattern. Literal text around a name and the end
   * of an optional level cannot be said in MQTT: there the subscription gets more than the pattern matches.
   */
  get subscription(): string {
    const filters = this.levels
      .slice(0, this.required)
      .map((level) => (level.kind === 'literal' ? level.text : '+'))
    if (this.openEnd || this.required < this.levels.length) filters.push('#')
    return filters.join('/')
  }

  /**
   * A topic that has these names in its levels, as a device would publish it; of levels that are left out the optional ones
   * are missing, and any other one is a dash.
   */
  topicOf(levels: Readonly<Record<string, string>>): string {
    const parts: string[] = []
    for (const level of this.levels) {
      if (level.kind === 'literal') parts.push(level.text)
      else if (level.kind === 'any') parts.push('-')
      else {
        const value = levels[level.name]
        if (value === undefined && level.optional) break
        parts.push(level.before + (value ?? '-') + level.after)
      }
    }
    return parts.join('/')
  }

  match(topic: string): TopicMatch {
    const parts = topic.split('/', this.levels.length + 1)
    if (parts.length < this.required) {
      return { reason: `the topic has ${parts.length} of at least ${this.required} levels` }
    }
    if (parts.length > this.levels.length && !this.openEnd) {
      return { reason: `the topic has more than ${this.levels.length} levels` }
    }
    const levels: Record<string, string> = {}
    const count = Math.min(parts.length, this.levels.length)
    for (let index = 0; index < count; index++) {
      const level = this.levels[index] as Level
      const part = parts[index] as string
      if (level.kind === 'any') continue
      if (level.kind === 'literal') {
        if (part !== level.text) return { reason: `level ${index + 1} is not "${level.text}"` }
        continue
      }
      const value = valueOf(part, level)
      if (value === undefined) return { reason: `level ${index + 1} is not ${shape(level)}` }
      if (value === '') return { reason: `level ${index + 1}, {${level.name}}, is empty` }
      levels[level.name] = value
    }
    return { levels }
  }
}

type NamedLevel = Extract<Level, { kind: 'named' }>

function valueOf(part: string, { before, after }: NamedLevel): string | undefined {
  if (part.length < before.length + after.length) return undefined
  if (!part.startsWith(before) || !part.endsWith(after)) return undefined
  return part.slice(before.length, part.length - after.length)
}

function shape({ before, name, after }: NamedLevel): string {
  return `"${before}{${name}}${after}"`
}

function parseLevel(text: string, position: number): Level {
  if (text === '+') return { kind: 'any' }
  if (text === '#') throw refused(`"#" stands at level ${position}; it may only be the last level`)
  if (text.includes('#') || text.includes('+')) {
    throw refused(`level ${position} is "${text}"; "+" and "#" stand alone between two slashes`)
  }
  if (text.includes('\0')) throw refused(`level ${position} has a NUL character`)
  const open = text.indexOf('{')
  if (open < 0) {
    if (text.includes('}')) throw refused(`level ${position} has a "}" without a "{"`)
    return { kind: 'literal', text }
  }
  const close = text.indexOf('}', open)
  const before = text.slice(0, open)
  const after = text.slice(close + 1)
  if (close < 0 || before.includes('}'))
    throw refused(`level ${position} has a "{" or a "}" without the other`)
  if (/[{}]/.test(after)) throw refused(`level ${position} is "${text}"; a level holds one name`)
  const optional = text[close - 1] === '?'
  const name = text.slice(open + 1, optional ? close - 1 : close)
  if (!NAME.test(name)) {
    throw refused(
      `"{${name}}" at level ${position} is not a name; a name starts with a letter and has at most 32 letters, digits and "_"`,
    )
  }
  return { kind: 'named', name, before, after, optional }
}

function refuseRepeatedNames(levels: readonly Level[]): void {
  const seen = new Set<string>()
  for (const level of levels) {
    if (level.kind !== 'named') continue
    if (seen.has(level.name)) throw refused(`{${level.name}} stands in it twice`)
    seen.add(level.name)
  }
}

function refuseGapAfterOptional(levels: readonly Level[]): void {
  let optional: string | undefined
  for (const level of levels) {
    if (level.kind === 'named' && level.optional) optional = level.name
    else if (optional !== undefined) {
      throw refused(`{${optional}?} is optional, so only optional levels and "#" may follow it`)
    }
  }
}

function refused(why: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', `the topic pattern cannot be used: ${why}`, {
    retryable: false,
    status: 'checkTopicPattern',
  })
}
