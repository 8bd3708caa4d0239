/** Parses PostgreSQL's text forms of arrays and ranges, so that each value in them is read like a single one. */

/** The elements of an array as texts; `null` for NULL. */
export type ArrayOfTexts = readonly (string | null | ArrayOfTexts)[]

/** A quoted text, a piece of structure, or a bare text up to the next of these. */
const TOKEN = /\s*(?:"((?:[^"\\]|\\[^])*)"|([{},])|((?:[^{},"\\\s]|\\[^])(?:[^{},"\\]|\\[^])*))\s*/y

/** @returns `undefined` for text that is no array in braces */
export function parseArray(text: string): ArrayOfTexts | undefined {
  const open: (string | null | ArrayOfTexts)[][] = []
  let done: ArrayOfTexts | undefined
  let expects: 'first' | 'value' | 'separator' = 'value'
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const [, quoted, sign, bare] = TOKEN.exec(text) ?? []
    const innermost = open.at(-1)
    if (done !== undefined || (quoted ?? sign ?? bare) === undefined) return undefined
    if (sign === '{' && expects !== 'separator') {
      const list: (string | null | ArrayOfTexts)[] = []
      innermost?.push(list)
      open.push(list)
      expects = 'first'
    } else if (sign === '}' && expects !== 'value' && innermost !== undefined) {
      open.pop()
      if (open.length === 0) done = innermost
      expects = 'separator'
    } else if (sign === ',' && expects === 'separator') {
      expects = 'value'
    } else if (sign === undefined && expects !== 'separator' && innermost !== undefined) {
      innermost.push((quoted === undefined ? undefined : unescaped(quoted)) ?? bareElement(bare as string))
      expects = 'separator'
    } else {
      return undefined
    }
  }
  return done
}

const unescaped = (text: string): string => text.replace(/\\([^])/g, '$1')

function bareElement(text: string): string | null {
  const trimmed = text.trimEnd()
  return /^null$/i.test(trimmed) ? null : unescaped(trimmed)
}

export function quotedElement(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

const RANGE = /\s*(?:(empty)|([[(])\s*("?)([^",()[\]\\]*)\3,\s*("?)([^",()[\]\\]*)\5([\])]))\s*/iy

/**
 * A range, or several in braces, with each of its bounds as `bound` writes it.
 * @returns `undefined` for text that is none
 */
export function rewriteRange(text: string, bound: (text: string) => string): string | undefined {
  const trimmed = text.trim()
  const isMulti = trimmed.startsWith('{') && trimmed.endsWith('}')
  const inside = isMulti ? trimmed.slice(1, -1) : trimmed
  const ranges: string[] = []
  const written = (given: string): string => (given.trim() === '' ? '' : quotedElement(bound(given.trim())))
  RANGE.lastIndex = 0
  while (RANGE.lastIndex < inside.length) {
    if (ranges.length > 0 && (!isMulti || inside[RANGE.lastIndex++] !== ',')) return undefined
    const [, empty, opening, , lower = '', , upper = '', closing] = RANGE.exec(inside) ?? []
    if (empty === undefined && opening === undefined) return undefined
    ranges.push(empty ?? `${opening}${written(lower)},${written(upper)}${closing}`)
  }
  if (isMulti) return `{${ranges.join(',')}}`
  return ranges[0]
}
