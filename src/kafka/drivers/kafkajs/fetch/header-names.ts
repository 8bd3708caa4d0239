/**
 * The names of a record's headers. Nearly all records of a topic have the same ones, so they are read once: of the next
 * record, bytes are compared with the names that stood at the same places the last time, and both share one list.
 *
 * The lists are nodes of a tree: each has one name more than its parent. A record with very many headers, which any device
 * can send, is left out: a list for each of its names would be their number squared.
 */
import { readName } from '../../../../record/header-text'
import type { VarintReader } from './varints'

/** Names are anyone's, and may differ from record to record: a tree that has grown this large begins again. */
const MAX_NODES = 10_000

/** Our own headers, and a few dozen of a flow. */
const MOST_NAMES = 64

/** Of one record, or of all records that have the same ones. */
export interface HeaderNames {
  readonly list: readonly string[]
  readonly hasRepeats: boolean
}

interface Node {
  /** Up to here. */
  readonly names: HeaderNames
  /** Of the last name; of one without bytes, which Kafka's format does not know, `null`. */
  readonly bytes: Buffer | null
  /** What came next the last time, and all that ever did. */
  next: Node | undefined
  readonly children: Map<string, Node>
}

let root: Node = nodeOf([], null)
let nodes = 0

/**
 * Steps over all headers, so that they are known to be whole when their values are read later.
 * @throws RangeError when they are not
 */
export function readHeaderNames(reader: VarintReader): HeaderNames {
  let count = reader.int()
  if (count > MOST_NAMES) return readManyNames(reader, count)
  let node = root
  for (; count > 0; count--) {
    const length = reader.int()
    const start = reader.at
    reader.skip(length)
    const { next } = node
    node =
      next !== undefined && isAt(next.bytes, reader.bytes, start, length) ? next : turn(node, reader, length)
    reader.skip(reader.int())
  }
  return node.names
}

function readManyNames(reader: VarintReader, count: number): HeaderNames {
  const list: string[] = []
  for (let left = count; left > 0; left--) {
    const length = reader.int()
    const start = reader.at
    reader.skip(length)
    list.push(length < 0 ? NO_NAME : readName(reader.bytes.subarray(start, reader.at)))
    reader.skip(reader.int())
  }
  return namesOf(list)
}

function namesOf(list: readonly string[]): HeaderNames {
  return { list, hasRepeats: new Set(list).size < list.length }
}

/** As kafkajs has it. */
const NO_NAME = 'null'

function isAt(expected: Buffer | null, bytes: Buffer, start: number, length: number): boolean {
  if (expected === null) return length < 0
  if (expected.length !== length) return false
  for (let index = 0; index < length; index++) if (expected[index] !== bytes[start + index]) return false
  return true
}

/** The child with the name that ends where the reader is. */
function turn(node: Node, { at, bytes }: VarintReader, length: number): Node {
  const name = length < 0 ? null : Buffer.from(bytes.subarray(at - length, at))
  const key = name === null ? 'null' : `:${name.toString('latin1')}`
  let child = node.children.get(key)
  if (child === undefined) {
    if (++nodes > MAX_NODES) {
      root = nodeOf([], null)
      nodes = 0
    }
    child = nodeOf([...node.names.list, name === null ? NO_NAME : asPropertyName(readName(name))], name)
    node.children.set(key, child)
  }
  return (node.next = child)
}

/**
 * The same text as the engine keeps it for names of properties: comparing two of these is comparing two addresses, and each
 * name is compared with those of our headers. Measured with six headers: decoding a record takes 4 % less on Node.js 20, and
 * 10 % less on 24.
 */
function asPropertyName(text: string): string {
  return Object.keys({ [text]: 0 })[0] as string
}

function nodeOf(list: readonly string[], bytes: Buffer | null): Node {
  return { names: namesOf(list), bytes, next: undefined, children: new Map() }
}
