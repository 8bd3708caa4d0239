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
  for (let failure = closed; failure !== undefined; failure = failure.before) failures?.delete(failure)
}

/** The same error, told twice; of a foreign one each telling makes an error of ours. */
export function isSameError(one: PipelineError, other: PipelineError): boolean {
  return one === other || (one.cause !== undefined && one.cause === other.cause)
}

export function settlementOf(delivery: Delivery): Settlement {
  const failure = worstFailure(delivery)
  const letters = delivery.deadLetters > 0 ? { deadLetters: delivery.deadLetters } : {}
  if (failure === undefined) return { outcome: delivery.confirmed ? 'delivered' : 'filtered', ...letters }
  const { error, nodeId: failedAt } = failure
  const stored = storedForGood(delivery)
  return { outcome: 'failed', error, failedAt, ...letters, ...(stored.size > 0 ? { stored } : {}) }
}

/**
 * Whether records of the batch have failed elsewhere, are stored nowhere yet, and are not in this part of the batch. A
 * ledger must not move past them: they would be taken for written when they come again.
 * @param part the records that are to be written
 */
export function leavesFailedBehind({ failures, size }: Delivery, part: readonly unknown[]): boolean {
  if (size === 0 || failures === undefined) return false
  const present = new Set(knownNumbersOf(part))
  const isKnown = present.size === part.length
  for (const { records } of failures) {
    if (records === undefined || !isKnown) {
      if (part.length < size) return true
    } else if ([...records].some((number) => !present.has(number))) return true
  }
  return false
}

/** A permanent failure is worse than a transient one: another attempt would meet it again. Of equals, the latest. */
function worstFailure(delivery: Delivery): Failure | undefined {
  let worst: Failure | undefined
  for (const failure of delivery.failures ?? []) {
    if (worst === undefined || worst.error.retryable || !failure.error.retryable) worst = failure
  }
  return worst
}

/** Records that need no other attempt: a sink has them, and each failure concerns others, and says which. */
function storedForGood({ size, stored = [], failures }: Delivery): ReadonlySet<number> {
  const done = new Set<number>()
  if (size === 0) return done
  for (const records of stored) for (const number of knownNumbersOf(records)) done.add(number)
  for (const { records } of failures ?? []) {
    if (records === undefined) return new Set()
    for (const number of records) done.delete(number)
  }
  return done
}
