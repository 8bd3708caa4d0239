/**
 * Which record of a batch is which, on its way through a flow: a failed record must not make its neighbors be stored
 * twice, so the delivery has to know what has become of each.
 *
 * Each record of a batch carries its number under a symbol key, which survives Node-RED's cloning and `{ ...record }`,
 * and is invisible in JSON. A Function node that builds new records loses it: such a record could be any of them, and
 * then nothing is assumed of the others. A message that a `tenant-batch` node has made of one record has the number in its
 * `_msgid` as well, which Node-RED gives back to what such a node has built.
 */
import { PipelineError } from '../wire/errors'
import { isBatch, isRecord, type Message } from '../wire/message'

const NUMBER = Symbol.for('@iot-bridge/node-red-tenant-pipeline/record')

/** Numbers the records of a batch, in its order. Returns how many there are; 0: the message is not a batch. */
export function numberRecords(message: Message): number {
  if (!isBatch(message)) return 0
  const { payload } = message
  for (let number = 0; number < payload.length; number++) {
    const record: unknown = payload[number]
    if (isRecord(record)) setNumber(record, number)
  }
  return payload.length
}

export function numberOf(element: unknown): number | undefined {
  try {
    if (!isRecord(element)) return undefined
    const number = (element as Record<symbol, unknown>)[NUMBER]
    return typeof number === 'number' ? number : partOf(element._msgid)?.number
  } catch {
    // A record of another node may be anything, such as a proxy that throws.
    return undefined
  }
}

export function setNumber(record: object, number: number): void {
  ;(record as Record<symbol, unknown>)[NUMBER] = number
}

/** The `_msgid` of a message that is one record of a batch. Node-RED makes none with this sign. */
export function partId(deliveryId: string, number: number): string {
  return `${deliveryId}#${number}`
}

export function partOf(
  messageId: unknown,
): { readonly deliveryId: string; readonly number: number } | undefined {
  const sign = typeof messageId === 'string' ? messageId.lastIndexOf('#') : -1
  if (sign < 0) return undefined
  const [deliveryId, number] = [
    (messageId as string).slice(0, sign),
    Number((messageId as string).slice(sign + 1)),
  ]
  return Number.isSafeInteger(number) ? { deliveryId, number } : undefined
}

/**
 * The numbers of some elements among all of a message.
 *
 * An element that is no record has no number. When the others are in their places, a Function node has put it there
 * instead of the record of that place (`msg.payload.map(…)`).
 *
 * @param size records of the batch that the source has emitted
 * @returns `undefined` when one of them could be any record
 */
export function numbersOf(
  some: readonly unknown[],
  all: readonly unknown[],
  size: number,
): ReadonlySet<number> | undefined {
  const inPlace = isInPlace(all, size)
  const numbers = new Set<number>()
  for (const element of some) {
    const number = numberOf(element) ?? (inPlace && !isRecord(element) ? all.indexOf(element) : undefined)
    if (number === undefined || number < 0 || number >= size) return undefined
    numbers.add(number)
  }
  return numbers
}

/** The record of a batch that a Function node has made a message of its own, with `{ ...msg, ...record }`. */
export function numberOfSplit(message: Message, size: number): ReadonlySet<number> | undefined {
  return size === 0 || isBatch(message) ? undefined : numbersOf([message], [message], size)
}

/**
 * A node that looks at one message, such as Change, JSON or Template, has put something else in the place of the list of
 * records. A sink that stored it would confirm the whole batch.
 * @param size records of the batch that the source has emitted; 0: it was no batch, and `msg.batch` is the user's own
 * @throws PipelineError, not retryable: the source then sends the records one by one, and each to its second output
 */
export function requireList(message: Message, size: number): void {
  if (size === 0 || !message.batch || isBatch(message) || numberOf(message) !== undefined) return
  throw new PipelineError(
    'BATCH_LIST_LOST',
    'msg.batch is set, and msg.payload is not the list of its records: a node before this one has replaced it. Change ' +
      'the records within the list in a Function node; let the source send single messages; or, if this message is to be ' +
      'stored instead of the batch, set msg.batch to false',
    { retryable: false, status: 'batchWithoutList' },
  )
}

/**
 * Whether records of a batch are missing in this part of it; one without a number could be any.
 * @param size records of the batch that the source has emitted
 */
export function isPartial(part: readonly unknown[], size: number): boolean {
  const numbers = knownNumbersOf(part)
  return new Set(numbers).size + part.length - numbers.length < size
}

/** The numbers of those elements that have one. */
export function knownNumbersOf(elements: readonly unknown[]): number[] {
  return elements.map(numberOf).filter((number) => number !== undefined)
}

function isInPlace(all: readonly unknown[], size: number): boolean {
  if (all.length !== size) return false
  let known = 0
  for (const [place, element] of all.entries()) {
    const number = numberOf(element)
    if (number === undefined) continue
    if (number !== place) return false
    known++
  }
  return known > 0
}
