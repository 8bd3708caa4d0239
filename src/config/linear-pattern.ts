/**
 * Regular expressions that users write and that run on names which devices choose. JavaScript's own engine tries every
 * way to match and can take seconds, or years, for one name; RE2 takes time in proportion to the length, whatever the
 * expression. The price is that it cannot look around, and cannot refer back to what a group has matched.
 */
import { RE2JS } from 're2js'

export interface LinearPattern {
  /** As the user has written it. */
  readonly source: string
  /** Whether it matches somewhere in the text. */
  test(text: string): boolean
  /** Whether it matches the text as a whole. */
  matchesWhole(text: string): boolean
}

/** @throws Error with a sentence that says what is wrong with the expression */
export function compileLinear(source: string, { ignoreCase = false } = {}): LinearPattern {
  const compiled = compile(source, ignoreCase)
  return {
    source,
    test: (text) => compiled.test(text),
    matchesWhole: (text) => compiled.matches(text),
  }
}

function compile(source: string, ignoreCase: boolean): RE2JS {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(source), ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
  } catch (error) {
    const reason = (error as Error).message.replace(/^error parsing regexp: /, '')
    const hint = NOT_IN_RE2.test(source)
      ? '; it runs on names that devices choose, so it cannot look around ("(?=", "(?!", "(?<!") or refer back ("\\1"). ' +
        'List the names instead: "north|south"'
      : ''
    throw new Error(`it is not a regular expression that can be used here: ${reason}${hint}`, {
      cause: error,
    })
  }
}

/** Look-around and back references. */
export const NOT_IN_RE2 = /\(\?<?[=!]|\\[1-9k]/
