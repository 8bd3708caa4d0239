/**
 * Templates such as `{tenant}.{project}`, from which the Kafka topic and the key of a message are made.
 */
import { PipelineError } from '../wire/errors'

export class Template {
  /**
   * @param literals text before, between and after the names: one more than there are names
   */
  private constructor(
    readonly text: string,
    readonly literals: readonly string[],
    readonly names: readonly string[],
  ) {}

  /**
   * @param what  what the template makes, for the sentences: `Kafka topic`
   * @param known the names which the topic pattern has
   * @throws PipelineError `CONFIG_INVALID`
   */
  static compile(what: TemplateKind, text: string, known: readonly string[]): Template {
    const pieces = text.split(/\{([^{}]*)\}/)
    const literals = pieces.filter((_, index) => index % 2 === 0)
    const names = pieces.filter((_, index) => index % 2 === 1)
    if (literals.some((literal) => /[{}]/.test(literal))) {
      throw refused(what, text, 'it has a "{" or a "}" without the other')
    }
    const unknown = names.find((name) => !known.includes(name))
    if (unknown !== undefined) {
      const expects = known.map((name) => `{${name}}`).join(', ')
      throw refused(what, text, `{${unknown}} is not in the topic pattern, which has ${expects}`)
    }
    return new Template(text, literals, names)
  }

  /** A level that the topic does not have becomes nothing. */
  render(levels: Readonly<Record<string, string>>): string {
    let result = this.literals[0] as string
    for (let index = 0; index < this.names.length; index++) {
      result += (levels[this.names[index] as string] ?? '') + (this.literals[index + 1] as string)
    }
    return result
  }

  /**
   * Why these values would make a text that other values make too; `undefined` when they do not. A value that
   * holds the text which follows it could end at two places: with `{a}-{b}`, `x-y` + `z` and `x` + `y-z`.
   */
  ambiguity(levels: Readonly<Record<string, string>>): string | undefined {
    for (let index = 0; index < this.names.length - 1; index++) {
      const name = this.names[index] as string
      const separator = this.literals[index + 1] as string
      if (levels[name]?.includes(separator) === true) {
        return `the ${name} holds "${separator}", which ends the ${name} in "${this.text}"`
      }
    }
    return undefined
  }

  /** True when two names follow each other without a text between them. */
  get hasTouchingNames(): boolean {
    return this.literals.slice(1, -1).includes('')
  }
}

const CHECK = {
  key: 'checkKey',
  'Kafka topic': 'checkKafkaTopic',
  'topic pattern': 'checkTopicPattern',
} as const

/** What the sentence names. */
export type TemplateKind = keyof typeof CHECK

export function refused(what: TemplateKind, text: string, why: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', `the ${what} "${text}": ${why}`, {
    retryable: false,
    status: CHECK[what],
  })
}
