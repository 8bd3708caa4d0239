/** The status of messages that a node sends to its second output: a warning while they come, and then only a count. */
import { phrase } from '../status/phrase'
import type { Status } from '../status/status'

const RECENT_MS = 60_000

/** @param agoMs since the latest of them */
export function unmatchedStatus(
  count: number,
  agoMs: number,
  words: 'notMatched' | 'notValid' = 'notMatched',
): Status {
  if (count === 0) return {}
  const text = phrase(words, { number: count })
  return { fill: agoMs < RECENT_MS ? 'yellow' : 'grey', shape: 'dot', text }
}
