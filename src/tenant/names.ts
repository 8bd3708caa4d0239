/**
 * Which names a tenant and a project may have. Names become parts of Kafka topics, of tables and of row-level
 * rules, so what a device writes into its topic is confined, and never bent into shape: a name that is not
 * allowed is refused, because two tenants whose names became the same would see each other's messages.
 */
import { describeError, PipelineError } from '../wire/errors'
import { compileLinear, type LinearPattern } from '../config/linear-pattern'

/** Without a dot: with one, `a.b` + `c` and `a` + `b.c` would be the same Kafka topic. */
export const DEFAULT_ALLOWED_NAME = '[A-Za-z0-9_-]{1,64}'

/** No name is longer, whatever expression allows it: it would not fit into a Kafka topic. */
const MAX_NAME_LENGTH = 249

/** Says why a name is refused; `undefined` when it is allowed. */
export type NameRule = (value: string) => string | undefined

/**
 * @param what       `tenant` or `project`, for the sentences
 * @param expression a regular expression that the whole name must match
 * @throws PipelineError `CONFIG_INVALID`
 */
export function nameRule(what: 'tenant' | 'project', expression: string): NameRule {
  const allowed = compile(what, expression)
  return (value) => {
    if (value.length > MAX_NAME_LENGTH) return `the ${what} has more than ${MAX_NAME_LENGTH} characters`
    if (!allowed.matchesWhole(value))
      return `the ${what} ${JSON.stringify(value)} is not of the form ${expression}`
    return undefined
  }
}

function compile(what: 'tenant' | 'project', expression: string): LinearPattern {
  try {
    return compileLinear(expression)
  } catch (error) {
    throw refused(what, expression, error)
  }
}

function refused(what: 'tenant' | 'project', expression: string, cause: unknown): PipelineError {
  const sentence = `the names allowed for a ${what}, "${expression}": ${describeError(cause)}`
  return new PipelineError('CONFIG_INVALID', sentence, {
    retryable: false,
    status: what === 'tenant' ? 'checkTenantNames' : 'checkProjectNames',
    cause,
  })
}
