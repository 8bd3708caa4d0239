/**
 * CRC-32C (Castagnoli), the checksum of a record batch, eight bytes a step: a third of the time of kafkajs' loop, which
 * takes one. Node.js has CRC-32 only, with another polynomial.
 */

const POLYNOMIAL = 0x82f63b78
const SLICES = 8

/** The tables of all slices in a row: slice `n` is that of a byte which `n` more bytes follow. */
const TABLE = new Int32Array(SLICES * 256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  TABLE[byte] = crc
}
for (let at = 256; at < TABLE.length; at++) {
  const before = TABLE[at - 256] as number
  TABLE[at] = (before >>> 8) ^ (TABLE[before & 0xff] as number)
}

/** Of the bytes from `start` up to `end`. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  // Plain reads: the compiler keeps bytes and table in registers, and checks both once.
  const b = bytes as readonly number[] & Uint8Array
  const t = TABLE as readonly number[] & Int32Array
  let crc = -1
  let at = start
  for (; at <= end - SLICES; at += SLICES) {
    const low = crc ^ (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24))
    crc =
      t[0x700 | (low & 0xff)]! ^
      t[0x600 | ((low >>> 8) & 0xff)]! ^
      t[0x500 | ((low >>> 16) & 0xff)]! ^
      t[0x400 | (low >>> 24)]! ^
      t[0x300 | b[at + 4]!]! ^
      t[0x200 | b[at + 5]!]! ^
      t[0x100 | b[at + 6]!]! ^
      t[b[at + 7]!]!
  }
  for (; at < end; at++) crc = t[(crc ^ b[at]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}
