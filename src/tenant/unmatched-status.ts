/** The status of messages that match no pattern: a warning while they come, and then only a count. */
import { phrase } from '../status/phrase'
import type { Status } from '../status/status'

const RECENT_MS = 60_000

/** @param agoMs since the latest of them */
export function unmatchedStatus(count: number, agoMs: number): Status {
  if (count === 0) return {}
  const text = phrase('notMatched', { number: count })
  return { fill: agoMs < RECENT_MS ? 'yellow' : 'grey', shape: 'dot', text }
}
