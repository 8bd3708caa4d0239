/**
 * Turns rows in the text format of `COPY` into messages of PostgreSQL's extended protocol that run a prepared statement once
 * for each row: Bind with the row's values as parameters, then Execute. The values are bytes beside the statement and never
 * part of it, and they stay the bytes that came in. Format: PostgreSQL documentation, "Message Formats".
 */
const TAB = 0x09
const LINE_FEED = 0x0a
const BACKSLASH = 0x5c
const LETTER_N = 0x4e

/** Of the escapes that `copy-text.ts` writes. */
const ESCAPED: Readonly<Record<number, number>> = { 0x74: TAB, 0x6e: LINE_FEED, 0x72: 0x0d }

const BIND = 0x42
/** Names of the portal and the statement are empty, and no format codes follow: all parameters are text. */
const BEFORE_VALUES = 1 + 4 + 1 + 1 + 2 + 2
/** Results are text. */
const AFTER_VALUES = 2
const EXECUTE = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0])
const NULL = -1

/** @param from where the first of these rows begins @returns the messages, and where the rows after them begin */
export function bindMessages(
  rows: Buffer,
  from: number,
  parameters: number,
  most: number,
): { readonly messages: Buffer; readonly next: number } {
  const end = endOf(rows, from, most)
  const overhead = BEFORE_VALUES + AFTER_VALUES + EXECUTE.length + 4 * parameters
  const count = Math.min(most, end.rows)
  const messages = Buffer.allocUnsafe(end.at - from + count * overhead)
  let at = from
  let length = 0
  for (let row = 0; row < count; row++) {
    const start = length
    messages[length] = BIND
    messages.fill(0, length + 5, length + BEFORE_VALUES)
    length = messages.writeInt16BE(parameters, length + BEFORE_VALUES - 2)
    for (let parameter = 0; parameter < parameters; parameter++) {
      const value = length + 4
      length = value
      if (rows[at] === BACKSLASH && rows[at + 1] === LETTER_N) {
        at += 2
        messages.writeInt32BE(NULL, value - 4)
      } else {
        for (let byte = rows[at] as number; byte !== TAB && byte !== LINE_FEED; byte = rows[++at] as number) {
          if (byte === BACKSLASH) byte = ESCAPED[rows[++at] as number] ?? (rows[at] as number)
          messages[length++] = byte
        }
        messages.writeInt32BE(length - value, value - 4)
      }
      // The tab, or the end of the row.
      at++
    }
    length = messages.writeInt16BE(0, length)
    messages.writeInt32BE(length - start - 1, start + 1)
    length += EXECUTE.copy(messages, length)
  }
  return { messages: messages.subarray(0, length), next: at }
}

function endOf(rows: Buffer, from: number, most: number): { at: number; rows: number } {
  let at = from
  let found = 0
  while (found < most && at < rows.length) {
    at = rows.indexOf(LINE_FEED, at) + 1
    found++
  }
  return { at, rows: found }
}
