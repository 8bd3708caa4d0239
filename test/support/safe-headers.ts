/**
 * Makes kafkajs' own consumers, with which tests look at what is stored, read headers whatever their names: it collects
 * them in a plain object, where `constructor` and `__proto__` are there before the first header is read. (Consumers of
 * the package have their own decoder.)
 */
import { createRequire } from 'node:module'
import { readName } from '../../src/record/header-text'

const RECORD_DECODER = 'kafkajs/src/protocol/recordBatch/record/v0/decoder'
/** Have taken the record decoder when they were loaded. */
const LOADED_BEFORE =
  /[\\/]kafkajs[\\/]src[\\/]protocol[\\/](recordBatch[\\/]v0[\\/]decoder|requests[\\/]fetch[\\/]v\d+[\\/])/
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

/** Once is enough, more does nothing. */
export function useSafeHeaders(): void {
  const require = createRequire(__filename)
  const decode = require(RECORD_DECODER) as Decode & { readonly [OURS]?: true }
  if (decode[OURS] === true) return
  const loaded = require.cache[require.resolve(RECORD_DECODER)]
  if (loaded === undefined) return
  loaded.exports = Object.assign(withSafeHeaders(decode), { [OURS]: true })
  for (const file of Object.keys(require.cache)) if (LOADED_BEFORE.test(file)) delete require.cache[file]
}

/** kafkajs' decoder of a record, which finds no headers; we collect them. */
function withSafeHeaders(decode: Decode): Decode {
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
