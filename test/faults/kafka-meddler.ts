/**
 * Reads along what a client and a Kafka broker say to each other through a fault proxy, request by request, so that a
 * test can hold back one request, or change the answer to it: the moments and the errors that no broker produces on demand.
 */
import type { Direction, Rewrite } from './fault-proxy'

/** Kafka's numbers of the requests that are meddled with. */
export const API = {
  produce: 0,
  fetch: 1,
  offsetCommit: 8,
  joinGroup: 11,
  heartbeat: 12,
  syncGroup: 14,
  initProducerId: 22,
} as const

export interface Call {
  readonly api: number
  readonly version: number
  /** The same object for all calls of one connection. */
  readonly connection: object
}

interface Connection {
  readonly rest: Record<Direction, Buffer>
  /** Requests without an answer, by correlation id. */
  readonly calls: Map<number, Call>
}

const LENGTH_BYTES = 4
/** Of an answer: its length and its correlation id. */
const ANSWER_HEADER_BYTES = 8
/** All answers that are changed begin with the time of a throttle. */
const THROTTLE_BYTES = 4
const IMPOSSIBLE_ACKS = 2

export class KafkaMeddler {
  /** Called before a request is passed on; it waits for the promise. May change its bytes, which begin with the header. */
  onRequest: (call: Call, request: Buffer) => Promise<void> | undefined = () => undefined
  /** Called before an answer is passed on; may change its bytes, which begin after the correlation id. */
  onAnswer: (call: Call, answer: Buffer) => void = () => undefined
  private readonly connections = new WeakMap<object, Connection>()

  /** From now on everything passes. */
  clear(): void {
    this.onRequest = () => undefined
    this.onAnswer = () => undefined
  }

  /** For `FaultProxy.rewrite`. */
  readonly rewrite: Rewrite = async (bytes, direction, key) => {
    let connection = this.connections.get(key)
    if (connection === undefined) {
      connection = { rest: { up: Buffer.alloc(0), down: Buffer.alloc(0) }, calls: new Map() }
      this.connections.set(key, connection)
    }
    const passed: Buffer[] = []
    let rest = Buffer.concat([connection.rest[direction], bytes])
    while (rest.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + rest.readInt32BE(0)
      if (rest.length < end) break
      const frame = rest.subarray(0, end)
      rest = rest.subarray(end)
      if (direction === 'up') await this.request(frame, connection)
      else this.answer(frame, connection)
      passed.push(frame)
    }
    connection.rest[direction] = rest
    return Buffer.concat(passed)
  }

  private async request(frame: Buffer, connection: Connection): Promise<void> {
    const call = { api: frame.readInt16BE(4), version: frame.readInt16BE(6), connection }
    const { calls } = connection
    calls.set(frame.readInt32BE(8), call)
    await this.onRequest(call, frame.subarray(LENGTH_BYTES))
  }

  private answer(frame: Buffer, { calls }: Connection): void {
    const id = frame.readInt32BE(LENGTH_BYTES)
    const call = calls.get(id)
    calls.delete(id)
    if (call !== undefined) this.onAnswer(call, frame.subarray(ANSWER_HEADER_BYTES))
  }
}

/** Puts an error into an answer: to a heartbeat, to joining a group, or to an offset commit for every partition. */
export function refuse(call: Call, answer: Buffer, code: number): void {
  for (const at of placesOfCodes(call, answer)) answer.writeInt16BE(code, at)
}

/** Whether such an answer says nothing of an error. */
export function isGood(call: Call, answer: Buffer): boolean {
  return placesOfCodes(call, answer).every((at) => answer.readInt16BE(at) === 0)
}

function placesOfCodes({ api }: Call, answer: Buffer): number[] {
  if (api !== API.offsetCommit) return [THROTTLE_BYTES]
  const places: number[] = []
  let at = THROTTLE_BYTES
  const topics = answer.readInt32BE(at)
  at += 4
  for (let topic = 0; topic < topics; topic++) {
    at += 2 + answer.readInt16BE(at)
    const partitions = answer.readInt32BE(at)
    at += 4
    for (let partition = 0; partition < partitions; partition++) {
      places.push(at + 4)
      at += 6
    }
  }
  return places
}

/** Where the error of each partition is in the answer to a produce request, version 3 to 7, and which it is. */
export function producedErrors(
  { version }: Call,
  answer: Buffer,
): { readonly at: number; readonly code: number }[] {
  const found: { at: number; code: number }[] = []
  const behindError = version >= 5 ? 8 + 8 + 8 : 8 + 8
  let at = 0
  const int32 = (): number => answer.readInt32BE((at += 4) - 4)
  for (let topics = int32(); topics > 0; topics--) {
    at += 2 + answer.readInt16BE(at)
    for (let partitions = int32(); partitions > 0; partitions--) {
      at += 4
      found.push({ at, code: answer.readInt16BE(at) })
      at += 2 + behindError
    }
  }
  return found
}

/**
 * Asks for as many acknowledgements as no broker can give, so that it refuses the records of a produce request
 * without appending them; the answer can then carry any error.
 */
export function spoilProduce(request: Buffer): void {
  let at = 2 + 2 + 4
  for (let strings = 0; strings < 2; strings++) at += 2 + Math.max(0, request.readInt16BE(at))
  request.writeInt16BE(IMPOSSIBLE_ACKS, at)
}

/** The record batches of each partition in the answer to a fetch, version 11. */
export function fetchedBatches(answer: Buffer): { readonly partition: number; readonly batches: Buffer }[] {
  const found: { partition: number; batches: Buffer }[] = []
  let at = THROTTLE_BYTES + 2 + 4
  const int32 = (): number => answer.readInt32BE((at += 4) - 4)
  for (let topics = int32(); topics > 0; topics--) {
    at += 2 + answer.readInt16BE(at)
    for (let partitions = int32(); partitions > 0; partitions--) {
      const partition = int32()
      at += 2 + 8 + 8 + 8
      const abortedTransactions = int32()
      at += 16 * Math.max(0, abortedTransactions)
      at += 4
      const length = Math.max(0, int32())
      found.push({ partition, batches: answer.subarray(at, at + length) })
      at += length
    }
  }
  return found
}

/** Flips one bit of the first record in these batches. @returns false when there is none */
export function damage(batches: Buffer): boolean {
  const inFirstRecord = 61 + 3
  if (batches.length <= inFirstRecord) return false
  batches[inFirstRecord] = (batches[inFirstRecord] as number) ^ 1
  return true
}
