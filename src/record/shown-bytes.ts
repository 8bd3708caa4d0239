/** Bytes as a dialog shows them: the beginning, as text where they are text. */

/** Characters of a sample. */
export const SAMPLE_LENGTH = 300

/**
 * @param bytes all of them, or the first
 * @param length how many there are; more than are shown end in `…`
 */
export function shownBytes(bytes: Uint8Array, length = bytes.length, max = SAMPLE_LENGTH): string {
  // A character has up to four bytes.
  const first = bytes.subarray(0, 4 * max)
  const text = textOf(first)
  if (text !== undefined) return text.length <= max && first.length >= length ? text : `${cut(text, max)}…`
  const shown = Buffer.from(first.subarray(0, max >> 1)).toString('hex')
  return `0x${shown}${shown.length / 2 < length ? '…' : ''}`
}

/** `undefined` when they are no UTF-8, or have control characters; a character that is cut off at the end is left out. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: true })

    return /[\0-\x08\x0e-\x1f]/.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** Not in the middle of a surrogate pair. */
function cut(text: string, max: number): string {
  return text.slice(0, max).replace(/[\ud800-\udbff]$/, '')
}
