/**
 * Encodes a record for kafkajs 2.2.4 in one buffer of the right size. Its own encoder makes a zeroed buffer of 512
 * bytes for the record and one for each header, and copies them together: with our headers that is more than half of
 * all processor time of a producer.
 *
 * `useRecordEncoder` puts it in the place of kafkajs' function. The bytes are the same (a test compares them). When
 * kafkajs does not look as we know it, or has loaded its own function already, nothing changes but the speed.
 */
import { createRequire } from 'node:module'

const RECORD_MODULE = 'kafkajs/src/protocol/recordBatch/record/v0'

/** What kafkajs hands over for each record. */
export interface RecordToEncode {
  readonly offsetDelta?: number
  readonly timestampDelta?: number
  readonly key?: Buffer | string | null
  readonly value?: Buffer | string | null
  readonly headers?: Readonly<Record<string, Bytes | readonly Bytes[]>>
}

/** The part of kafkajs' `Encoder` that is read when the record is copied into its batch. */
export interface EncodedRecord {
  readonly buf: Buffer
  readonly buffer: Buffer
}

type Bytes = Buffer | string

/** Call it before the first client is made; once is enough, more does nothing. */
export function useRecordEncoder(): void {
  const require = createRequire(__filename)
  try {
    const own = require(RECORD_MODULE) as unknown
    const loaded = require.cache[require.resolve(RECORD_MODULE)]
    if (loaded !== undefined && typeof own === 'function' && own.length === 1) loaded.exports = encodeRecord
  } catch {
    // Another version of kafkajs: it encodes by itself.
  }
}

/** Kafka's record format, version 2 (KIP-98): length, attributes, deltas, key, value, headers. */
export function encodeRecord(record: RecordToEncode): EncodedRecord {
  const { offsetDelta = 0, timestampDelta = 0, key = null, value = null, headers = {} } = record
  const names = Object.keys(headers)
  let headerCount = 0
  let bodyBytes =
    1 + sizeOfLong(timestampDelta) + sizeOfInt(offsetDelta) + sizeOfBytes(key) + sizeOfBytes(value)
  for (const name of names) {
    const given = headers[name] as Bytes | readonly Bytes[]
    const nameBytes = sizeOfBytes(name)
    if (Array.isArray(given)) {
      headerCount += given.length
      for (const each of given as readonly Bytes[]) bodyBytes += nameBytes + sizeOfBytes(each)
    } else {
      headerCount++
      bodyBytes += nameBytes + sizeOfBytes(given as Bytes)
    }
  }
  bodyBytes += sizeOfInt(headerCount)

  const buf = Buffer.allocUnsafe(sizeOfInt(bodyBytes) + bodyBytes)
  let at = writeInt(buf, 0, bodyBytes)
  buf[at++] = 0
  at = writeLong(buf, at, timestampDelta)
  at = writeInt(buf, at, offsetDelta)
  at = writeBytes(buf, at, key)
  at = writeBytes(buf, at, value)
  at = writeInt(buf, at, headerCount)
  for (const name of names) {
    const given = headers[name] as Bytes | readonly Bytes[]
    if (Array.isArray(given)) {
      for (const each of given as readonly Bytes[]) at = writeBytes(buf, writeBytes(buf, at, name), each)
    } else {
      at = writeBytes(buf, writeBytes(buf, at, name), given as Bytes)
    }
  }
  return { buf, buffer: buf }
}

/** Above this, numbers are taken apart as BigInt: a shift works on 32 bits. */
const SMALL = 2 ** 30

function sizeOfBytes(value: Bytes | null): number {
  if (value === null) return 1
  const length = typeof value === 'string' ? Buffer.byteLength(value) : value.length
  return sizeOfInt(length) + length
}

/** Of a zigzag varint. */
function sizeOfInt(value: number): number {
  const rest = ((value << 1) ^ (value >> 31)) >>> 0
  if (rest < 0x80) return 1
  if (rest < 0x4000) return 2
  if (rest < 0x200000) return 3
  return rest < 0x10000000 ? 4 : 5
}

function sizeOfLong(value: number): number {
  if (value < SMALL && value > -SMALL) return sizeOfInt(value)
  let size = 1
  for (let rest = zigzag(value); rest >= 0x80n; rest >>= 7n) size++
  return size
}

function writeInt(buf: Buffer, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  while (rest >= 0x80) {
    buf[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buf[at++] = rest
  return at
}

function writeLong(buf: Buffer, at: number, value: number): number {
  if (value < SMALL && value > -SMALL) return writeInt(buf, at, value)
  let rest = zigzag(value)
  while (rest >= 0x80n) {
    buf[at++] = Number(rest & 0x7fn) | 0x80
    rest >>= 7n
  }
  buf[at++] = Number(rest)
  return at
}

function zigzag(value: number): bigint {
  const big = BigInt(value)
  return big >= 0n ? big * 2n : big * -2n - 1n
}

function writeBytes(buf: Buffer, at: number, value: Bytes | null): number {
  if (value === null) return writeInt(buf, at, -1)
  if (typeof value !== 'string') {
    const start = writeInt(buf, at, value.length)
    buf.set(value, start)
    return start + value.length
  }
  const length = Buffer.byteLength(value)
  const start = writeInt(buf, at, length)
  if (length === value.length && length <= SHORT_TEXT) {
    // ASCII: for a short text a loop is faster than a call into the runtime.
    for (let index = 0; index < length; index++) buf[start + index] = value.charCodeAt(index)
  } else {
    buf.write(value, start)
  }
  return start + length
}

const SHORT_TEXT = 24
