/**
 * Rows in the text format of `COPY`, all of a batch in one piece of memory, with the place where each row ends:
 * any run of rows can be sent without encoding it again.
 *
 * Text and not binary: PostgreSQL then reads the values of whatever type an existing column has. Bytes that come
 * from outside are copied unchanged; only backslash, tab, line feed and carriage return are escaped, and most
 * payloads have none. Format: PostgreSQL documentation, COPY, "Text Format".
 *
 * Every value of every row passes here, so what is done was measured (Node.js 20 and 24): a call into Node.js costs as much
 * as a loop over some 30 characters, so short texts are written one by one and long ones at once; asking four times for
 * one byte costs 80 to 110 ns for 300 bytes, a loop over them 150 to 230; new memory costs 200 to 400 ns a row, so
 * that of rows that are durable is used again.
 */
import { timeText } from './record-time'
import type { RowBytes } from './row-bytes'

const TAB = 0x09
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const BACKSLASH = 0x5c
const DIGIT_0 = 0x30

/** The letter after the backslash, for what has to be escaped. */
const LETTER = new Uint8Array(256)
LETTER[TAB] = 0x74
LETTER[LINE_FEED] = 0x6e
LETTER[CARRIAGE_RETURN] = 0x72
LETTER[BACKSLASH] = BACKSLASH

/** Anything but ASCII without control characters and backslashes. */
const WORTH_A_LOOK = /[^ -[\]-~]/
const ALL_TO_ESCAPE = /[\\\t\n\r]/g
const LONE_SURROGATE = /\p{Surrogate}/u
const LETTERS: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\' }

/** Up to this many characters a loop is faster than a call. */
const SHORT = 32

/** Whole numbers up to here are written digit by digit. */
const MAX_DIGITS = 2 ** 31

export class CopyText implements RowBytes {
  private bytes: Buffer
  private length = 0
  private rowStart = 0
  /** Where each row ends. */
  private readonly ends: number[] = []
  /** The second of the last instant, since 1970, and its text up to the point. */
  private second = NaN
  private secondText = ''

  constructor() {
    this.bytes = spare.pop() ?? Buffer.allocUnsafe(FIRST_BYTES)
  }

  /** Complete rows. */
  get rows(): number {
    return this.ends.length
  }

  addNull(): void {
    this.reserve(3)
    const { bytes } = this
    bytes[this.length++] = BACKSLASH
    bytes[this.length++] = 0x4e
    bytes[this.length++] = TAB
  }

  /** @throws for half of a surrogate pair: in UTF-8 it would become another character in silence */
  addText(value: string): void {
    const { length } = value
    if (length > SHORT) return this.addLongText(value)
    this.reserve(length + 1)
    const { bytes } = this
    let at = this.length
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index)
      if (code > 0x7e || LETTER[code] !== 0) return this.addLongText(value)
      bytes[at++] = code
    }
    bytes[at++] = TAB
    this.length = at
  }

  /** Whole numbers that JavaScript holds. */
  addInteger(value: number): void {
    if (!(value >= 0 && value < MAX_DIGITS)) return this.addText(String(value))
    let digits = 1
    for (let rest = value; rest >= 10; rest = (rest / 10) | 0) digits++
    this.reserve(digits + 1)
    const { bytes } = this
    let at = (this.length += digits)
    let rest = value
    do {
      bytes[--at] = DIGIT_0 + (rest % 10)
      rest = (rest / 10) | 0
    } while (rest > 0)
    bytes[this.length++] = TAB
  }

  /** As `timeText` has it. */
  addInstant(timeMs: number): void {
    if (!Number.isSafeInteger(timeMs)) return this.addText(timeText(timeMs))
    const second = Math.floor(timeMs / 1000)
    if (second !== this.second) {
      this.second = second
      this.secondText = timeText(second * 1000).slice(0, -MILLISECONDS.length)
    }
    this.addText(this.secondText)
    this.reserve(MILLISECONDS.length + 1)
    const { bytes } = this
    const ms = timeMs - second * 1000
    // In place of the tab.
    let at = this.length - 1
    bytes[at++] = DIGIT_0 + ((ms / 100) | 0)
    bytes[at++] = DIGIT_0 + (((ms / 10) | 0) % 10)
    bytes[at++] = DIGIT_0 + (ms % 10)
    bytes[at++] = 0x5a
    bytes[at++] = TAB
    this.length = at
  }

  addBytes(value: Uint8Array): void {
    if (needsEscape(value)) {
      this.reserve(value.length * 2 + 1)
      this.length = escapeInto(this.bytes, this.length, value)
    } else {
      this.reserve(value.length + 1)
      this.bytes.set(value, this.length)
      this.length += value.length
    }
    this.bytes[this.length++] = TAB
  }

  /** The bytes as the text form of `bytea`. */
  addHex(value: Uint8Array): void {
    this.reserve(value.length * 2 + 4)
    const hex = Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')
    this.length += this.bytes.write('\\\\x', this.length, 'latin1')
    this.length += this.bytes.write(hex, this.length, 'latin1')
    this.bytes[this.length++] = TAB
  }

  /** The row has at least one value. */
  endRow(): void {
    this.bytes[this.length - 1] = LINE_FEED
    this.ends.push(this.length)
    this.rowStart = this.length
  }

  /** Forgets what has been added since the last complete row. */
  dropRow(): void {
    this.length = this.rowStart
  }

  /** The rows are no longer needed, and nothing that was sliced from them is: the memory is used for other rows. */
  release(): void {
    if (spare.length < MAX_SPARE && this.bytes.length <= MAX_SPARE_BYTES) spare.push(this.bytes)
    this.bytes = NOTHING
  }

  /** The rows from one number up to, not including, another. Valid as long as no row is added. */
  slice(from: number, to: number): Buffer {
    if (this.bytes === NOTHING) throw new Error('these rows have been released')
    return this.bytes.subarray(this.startOf(from), this.startOf(to))
  }

  private startOf(row: number): number {
    return row === 0 ? 0 : (this.ends[row - 1] as number)
  }

  private addLongText(value: string): void {
    if (WORTH_A_LOOK.test(value)) {
      const text = escaped(value)
      this.reserve(text.length * 3 + 1)
      this.length += this.bytes.write(text, this.length, 'utf8')
    } else {
      this.reserve(value.length + 1)
      this.length += this.bytes.write(value, this.length, 'latin1')
    }
    this.bytes[this.length++] = TAB
  }

  private reserve(more: number): void {
    if (this.length + more > this.bytes.length) this.grow(more)
  }

  private grow(more: number): void {
    const larger = Buffer.allocUnsafe((this.length + more) * 2)
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }
}

/** Memory of rows that are durable; that of a failed batch is left to the garbage collector, for a socket may still hold it. */
const spare: Buffer[] = []
/** The default size of a connection pool. */
const MAX_SPARE = 4
const MAX_SPARE_BYTES = 8 * 1024 * 1024
const FIRST_BYTES = 64 * 1024
const NOTHING = Buffer.alloc(0)

const MILLISECONDS = '000Z'

function escaped(value: string): string {
  if (LONE_SURROGATE.test(value)) {
    throw new Error('the text has half of a surrogate pair, which UTF-8 cannot hold')
  }
  return value.replace(ALL_TO_ESCAPE, (char) => LETTERS[char] as string)
}

function needsEscape(value: Uint8Array): boolean {
  return (
    value.includes(BACKSLASH) ||
    value.includes(LINE_FEED) ||
    value.includes(TAB) ||
    value.includes(CARRIAGE_RETURN)
  )
}

function escapeInto(target: Buffer, start: number, value: Uint8Array): number {
  let at = start
  for (const byte of value) {
    const letter = LETTER[byte] as number
    if (letter !== 0) target[at++] = BACKSLASH
    target[at++] = letter === 0 ? byte : letter
  }
  return at
}
