/**
 * Makes kafkajs 2.2.4 read headers whatever their names. It reads bytes that are not UTF-8 with replacement characters,
 * so that two names become one, and collects them in a plain object, where `constructor` and
 * `__proto__` are there before the first header is read: a record with a header of such a name arrived with a list in
 * its place, whose first element is a part of every object of the process.
 */
import { createRequire } from 'node:module'
import { readName } from '../../../../record/header-text'

const RECORD_DECODER = 'kafkajs/src/protocol/recordBatch/record/v0/decoder'
/** Has taken the record decoder when it was loaded. */
const BATCH_DECODER = 'kafkajs/src/protocol/recordBatch/v0/decoder'
const OURS = Symbol('headers without a prototype')

interface Header {
  readonly key: string
  readonly value: Buffer | null
}

/** The part of kafkajs' `Decoder` that we need. There is one for each record. */
interface RecordBytes {
  readVarIntBytes(): Buffer | null
  readVarIntArray(read: (bytes: RecordBytes) => Header): readonly Header[]
}

type ReadHeaders = Record<string, Buffer | null | (Buffer | null)[]>
type Decode = (bytes: RecordBytes, context?: unknown) => { readonly headers: ReadHeaders }

/** Call it before `useBatchCheck`, and before the first client is made; once is enough, more does nothing. */
export function useSafeHeaders(): void {
  const require = createRequire(__filename)
  const decode = require(RECORD_DECODER) as Decode & { readonly [OURS]?: true }
  if (decode[OURS] === true) return
  const loaded = require.cache[require.resolve(RECORD_DECODER)]
  if (loaded === undefined) return
  loaded.exports = Object.assign(withSafeHeaders(decode), { [OURS]: true })
  delete require.cache[require.resolve(BATCH_DECODER)]
}

/** kafkajs' decoder of a record, which finds no headers; we collect them. */
export function withSafeHeaders(decode: Decode): Decode {
  return (bytes, context) => {
    let found: readonly Header[] = []
    const read = bytes.readVarIntArray.bind(bytes)
    bytes.readVarIntArray = () => {
      found = read(readHeader)
      return []
    }
    return { ...decode(bytes, context), headers: collected(found) }
  }
}

/** Kafka's format knows no name without bytes; kafkajs called it `null`. */
function readHeader(bytes: RecordBytes): Header {
  const name = bytes.readVarIntBytes()
  return { key: name === null ? 'null' : readName(name), value: bytes.readVarIntBytes() }
}

function collected(found: readonly Header[]): ReadHeaders {
  const headers = Object.create(null) as ReadHeaders
  for (const { key, value } of found) {
    const before = headers[key]
    if (before === undefined) headers[key] = value
    else if (Array.isArray(before)) before.push(value)
    else headers[key] = [before, value]
  }
  return headers
}
