/** The failures of a delivery: which one a copy carries, when they are closed, and what they make of its end. */
import type { PipelineError } from '../wire/errors'
import type { Delivery, Failure, Settlement } from './delivery'
import { failedNodeId, linkedFailure } from './message-link'
import type { Message } from '../wire/message'
import { knownNumbersOf } from './record-number'

/**
 * The open failure that a copy carries. An error that a Function node has rebuilt names no more than the
 * node: then it is one failure of that node, since there is one copy.
 */
export function carriedFailure({ failures }: Delivery, copy: Message): Failure | undefined {
  if (failures === undefined) return undefined
  const linked = linkedFailure(copy)
  if (linked !== 'unknown') return linked
  const nodeId = failedNodeId(copy)
  for (const failure of failures) if (failure.nodeId === nodeId) return failure
  return undefined
}

/** A sink has stored what failed, so it also ends what the same copy had failed with before. */
export function closeFailure({ failures }: Delivery, closed: Failure | undefined): void {
  if (closed === undefined || failures === undefined) return
  for (const failure of withBefore(closed)) failures.delete(failure)
}

/** A failure, and what the same copy had failed with before. */
export function withBefore(failure: Failure | undefined): Set<Failure> {
  const all = new Set(failure === undefined ? [] : [failure])
  // A set hands out what is added to it meanwhile.
  for (const { before = [] } of all) for (const each of before) all.add(each)
  return all
}

/**
 * A batch that carries a failure becomes messages of one record each: each carries its share, so that a sink that stores
 * one does not end the failure of the others.
 * @param numbers of the records; undefined: it could be any
 * @returns the shares, in the order of the numbers
 */
export function shareFailure(
  delivery: Delivery,
  carried: Failure,
  numbers: readonly (number | undefined)[],
): Failure[] {
  const open = delivery.failures
  const share = (failure: Failure, number: number | undefined): Failure => {
    const part: Failure = {
      ...failure,
      records: number === undefined ? undefined : new Set([number]),
      before: failure.before?.map((each) => share(each, number)),
    }
    if (open?.has(failure)) open.add(part)
    return part
  }
  const shares = numbers.map((number) => share(carried, number))
  closeFailure(delivery, carried)
  return shares
}

/** A join has sent a batch that carries these failures; what the others have failed is not in it. */
export function leaveBehind(delivery: Delivery, carried: ReadonlySet<Failure>): void {
  for (const failure of delivery.failures ?? []) {
    if (carried.has(failure)) continue
    delivery.leftBehind ??= new Set()
    delivery.leftBehind.add(failure)
  }
}

/** The same error, told twice; of a foreign one each telling makes an error of ours. */
export function isSameError(one: PipelineError, other: PipelineError): boolean {
  return one === other || (one.cause !== undefined && one.cause === other.cause)
}

const DELIVERED: Settlement = { outcome: 'delivered' }
const FILTERED: Settlement = { outcome: 'filtered' }

export function settlementOf(delivery: Delivery): Settlement {
  // Nearly all, and each message has one.
  if (delivery.failures === undefined && delivery.deadLetters === 0)
    return delivery.confirmed ? DELIVERED : FILTERED
  const late = lateFailure(delivery)
  const failure = late ?? worstFailure(delivery)
  const letters = delivery.deadLetters > 0 ? { deadLetters: delivery.deadLetters } : {}
  if (failure === undefined) return { outcome: delivery.confirmed ? 'delivered' : 'filtered', ...letters }
  const { error, nodeId: failedAt } = failure
  // What was dropped on purpose is done with as well.
  const stored = storedForGood(delivery, late === undefined ? storedNumbers(delivery) : allNumbers(delivery))
  return {
    ...{ outcome: 'failed', error, failedAt, ...letters },
    ...(stored.size > 0 && { stored }),
    ...(late !== undefined && { isLeftOut: true }),
  }
}

/**
 * Whether records of the batch have failed elsewhere, are stored nowhere yet, and are not in this part of the batch. A
 * ledger must not move past them: they would be taken for written when they come again.
 * @param part the records that are to be written
 * @param carried the failure that their message carries: it ends when they are written
 */
export function leavesFailedBehind(
  { failures, leftBehind, size }: Delivery,
  part: readonly unknown[],
  carried?: Failure,
): boolean {
  if (size === 0 || failures === undefined) return false
  const numbers = knownNumbersOf(part)
  const present = new Set(numbers)
  const unknown = part.length - numbers.length
  const own = withBefore(carried)
  for (const failure of failures) {
    if (own.has(failure)) continue
    if (leftBehind?.has(failure)) return true
    const { records } = failure
    if (records === undefined || unknown > 0) {
      if (present.size + unknown < size) return true
    } else if ([...records].some((number) => !present.has(number))) return true
  }
  return false
}

/** A record that came when its batch had left a join, and a sink has stored some of that batch. */
function lateFailure({ failures, stored, joined }: Delivery): Failure | undefined {
  if (failures === undefined || stored === undefined) return undefined
  const late = [...failures].find(({ error }) => error.code === 'LATE_COPY')
  if (late === undefined) return undefined
  const numbers = knownNumbersOf(joined)
  const inBatch = new Set(numbers)
  const isStored = stored.flatMap(knownNumbersOf).some((number) => inBatch.has(number))
  return isStored || numbers.length < joined.length ? late : undefined
}

/** A permanent failure is worse than a transient one: another attempt would meet it again. Of equals, the latest. */
function worstFailure(delivery: Delivery): Failure | undefined {
  let worst: Failure | undefined
  for (const failure of delivery.failures ?? []) {
    if (worst === undefined || worst.error.retryable || !failure.error.retryable) worst = failure
  }
  return worst
}

/** Records that need no other attempt: these, as far as each failure concerns others, and says which. */
function storedForGood({ failures }: Delivery, numbers: Iterable<number>): ReadonlySet<number> {
  const done = new Set(numbers)
  for (const { records } of failures ?? []) {
    if (records === undefined) return new Set()
    for (const number of records) done.delete(number)
  }
  return done
}

/** Of the records that a sink has. */
function storedNumbers({ size, stored = [] }: Delivery): readonly number[] {
  return size === 0 ? [] : stored.flatMap(knownNumbersOf)
}

function allNumbers({ size }: Delivery): Iterable<number> {
  return Array.from({ length: size }).keys()
}
