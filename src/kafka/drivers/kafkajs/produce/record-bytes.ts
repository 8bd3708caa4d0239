/**
 * Kafka's record format, version 2 (KIP-98), written: length, attributes, deltas, key, value, headers. One record follows
 * the other in one buffer that grows, after room for the head of their batch. Nothing is measured before it is written: a
 * text is taken for ASCII, and the length of a record for as long as that of the one before, until it turns out otherwise.
 */
import type { HeaderText } from '../../../../wire/message'
import type { KafkaRecord } from '../../../driver'

/** What a record takes that nothing is known of yet. */
const GUESSED_RECORD_BYTES = 512
/** A varint of 64 bits. */
const LONGEST_NUMBER = 10
/** Above this, numbers are taken apart as BigInt: a shift works on 32 bits. */
const SMALL = 2 ** 30
/** Of a text: a loop over its units is faster than a call into the runtime. */
const SHORT_TEXT = 24
/** UTF-8 has no more than three bytes for one unit of UTF-16. */
const MOST_BYTES_PER_UNIT = 3

export class RecordBytes {
  private buf: Buffer
  private at: number
  private start = 0
  /** How many bytes the length of a record takes: mostly as many as that of the one before. */
  private lengthBytes = 2

  /**
   * @param room    bytes to be left before the first record
   * @param records how many there will be
   */
  constructor(room: number, records: number) {
    this.buf = Buffer.allocUnsafe(room + records * GUESSED_RECORD_BYTES)
    this.at = room
  }

  /** The room, and all that was written. */
  get written(): Buffer {
    return this.buf.subarray(0, this.at)
  }

  beginRecord(): void {
    this.require(LONGEST_NUMBER)
    this.start = this.at
    this.at += this.lengthBytes
    this.buf[this.at++] = 0
  }

  endRecord(): void {
    const length = this.at - this.start - this.lengthBytes
    const needed = sizeOfInt(length)
    if (needed !== this.lengthBytes) {
      this.require(LONGEST_NUMBER)
      this.buf.copyWithin(this.start + needed, this.start + this.lengthBytes, this.at)
      this.lengthBytes = needed
    }
    this.at = this.start
    this.int(length)
    this.at += length
  }

  int(value: number): void {
    this.require(LONGEST_NUMBER)
    let rest = ((value << 1) ^ (value >> 31)) >>> 0
    while (rest >= 0x80) {
      this.buf[this.at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.buf[this.at++] = rest
  }

  long(value: number): void {
    if (value < SMALL && value > -SMALL) return this.int(value)
    this.require(LONGEST_NUMBER)
    const big = BigInt(value)
    let rest = big >= 0n ? big * 2n : big * -2n - 1n
    while (rest >= 0x80n) {
      this.buf[this.at++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.buf[this.at++] = Number(rest)
  }

  bytes(value: HeaderText | null | undefined): void {
    if (value === null || value === undefined) return this.int(-1)
    if (typeof value === 'string') return this.text(value)
    this.int(value.length)
    this.require(value.length)
    this.buf.set(value, this.at)
    this.at += value.length
  }

  headers(headers: KafkaRecord['headers']): void {
    let count = 0
    for (const name of Object.keys(headers)) {
      const given = headers[name]
      count += isList(given) ? given.length : 1
    }
    this.int(count)
    for (const name of Object.keys(headers)) {
      const given = headers[name]
      if (isList(given)) {
        for (const each of given) {
          this.text(name)
          this.bytes(each)
        }
      } else {
        this.text(name)
        this.bytes(given)
      }
    }
  }

  private text(text: string): void {
    const units = text.length
    this.require(LONGEST_NUMBER + units * MOST_BYTES_PER_UNIT)
    const start = this.at
    this.int(units)
    if (units <= SHORT_TEXT) {
      const { buf, at } = this
      let index = 0
      for (; index < units; index++) {
        const unit = text.charCodeAt(index)
        if (unit >= 0x80) break
        buf[at + index] = unit
      }
      this.at += units
      if (index === units) return
    } else {
      const written = this.buf.write(text, this.at)
      this.at += written
      if (written === units) return
    }
    // Not ASCII: the length has to be known first.
    this.at = start
    this.int(Buffer.byteLength(text))
    this.at += this.buf.write(text, this.at)
  }

  private require(bytes: number): void {
    if (this.at + bytes <= this.buf.length) return
    const larger = Buffer.allocUnsafe(2 * (this.at + bytes))
    this.buf.copy(larger, 0, 0, this.at)
    this.buf = larger
  }
}

/** Of a zigzag varint that is not negative. */
function sizeOfInt(value: number): number {
  if (value < 0x40) return 1
  if (value < 0x2000) return 2
  if (value < 0x100000) return 3
  return value < 0x8000000 ? 4 : 5
}

function isList(given: HeaderText | readonly HeaderText[] | undefined): given is readonly HeaderText[] {
  return Array.isArray(given)
}
