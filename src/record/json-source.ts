/**
 * The text of one value inside a JSON text, as its author wrote it. A value that has been through `JSON.parse` may
 * be another one: 9007199254740993 becomes …992, 1e400 infinity, and an object loses its double keys.
 *
 * It walks along the text and steps over whole values until the path is followed. Brackets are counted and
 * not called into, so that no depth ends the stack.
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENING_BRACE = 0x7b
const CLOSING_BRACE = 0x7d
const OPENING_BRACKET = 0x5b
const CLOSING_BRACKET = 0x5d
const COMMA = 0x2c

/**
 * @param text JSON that `JSON.parse` has accepted; anything else gives nonsense
 * @param path its steps are keys, or numbers of elements; of a key that is there twice the last counts, as for
 *   `JSON.parse` and `jsonb`
 * @returns `undefined` when there is no such value
 */
export function sourceAt(text: string, path: readonly string[]): string | undefined {
  let from: number | undefined = skipSpace(text, 0)
  for (const step of path) {
    const opening = text.charCodeAt(from)
    if (opening === OPENING_BRACE) from = memberAt(text, from, step)
    else if (opening === OPENING_BRACKET) from = elementAt(text, from, step)
    else return undefined
    if (from === undefined) return undefined
  }
  return text.slice(from, valueEnd(text, from))
}

/** Where the value of a key begins. */
function memberAt(text: string, brace: number, key: string): number | undefined {
  let found: number | undefined
  let at = skipSpace(text, brace + 1)
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = stringEnd(text, at)
    const value = skipSpace(text, skipSpace(text, keyEnd) + 1) // behind the colon
    if (isKey(text.slice(at, keyEnd), key)) found = value
    at = skipSpace(text, valueEnd(text, value))
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1)
  }
  return found
}

function isKey(quoted: string, key: string): boolean {
  return (quoted.includes('\\') ? JSON.parse(quoted) : quoted.slice(1, -1)) === key
}

/** Where an element begins. */
function elementAt(text: string, bracket: number, step: string): number | undefined {
  let at = skipSpace(text, bracket + 1)
  for (let index = 0; text.charCodeAt(at) !== CLOSING_BRACKET; index++) {
    if (String(index) === step) return at
    at = skipSpace(text, valueEnd(text, at))
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1)
  }
  return undefined
}

function valueEnd(text: string, from: number): number {
  const first = text.charCodeAt(from)
  if (first === QUOTE) return stringEnd(text, from)
  if (first !== OPENING_BRACE && first !== OPENING_BRACKET) return scalarEnd(text, from)
  let depth = 0
  let at = from
  do {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = stringEnd(text, at)
      continue
    }
    if (code === OPENING_BRACE || code === OPENING_BRACKET) depth++
    else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) depth--
    at++
  } while (depth > 0 && at < text.length)
  return at
}

function stringEnd(text: string, quote: number): number {
  let at = quote + 1
  for (;;) {
    const code = text.charCodeAt(at)
    if (code === QUOTE || at >= text.length) return at + 1
    at += code === BACKSLASH ? 2 : 1
  }
}

function scalarEnd(text: string, from: number): number {
  let at = from
  while (at < text.length && !endsScalar(text.charCodeAt(at))) at++
  return at
}

function endsScalar(code: number): boolean {
  return code === COMMA || code === CLOSING_BRACE || code === CLOSING_BRACKET || isSpace(code)
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (isSpace(text.charCodeAt(at))) at++
  return at
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

/** The texts of an array's elements, in one walk; an empty list for what is no array. */
export function elementSources(text: string): string[] {
  const sources: string[] = []
  let at = skipSpace(text, 0)
  if (text.charCodeAt(at) !== OPENING_BRACKET) return sources
  at = skipSpace(text, at + 1)
  while (at < text.length && text.charCodeAt(at) !== CLOSING_BRACKET) {
    const end = valueEnd(text, at)
    sources.push(text.slice(at, end))
    at = skipSpace(text, end)
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1)
  }
  return sources
}
