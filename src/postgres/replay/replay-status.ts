/** Puts into a few words what a source of dead letters is doing. */
import { phrase } from '../../status/phrase'
import type { Status } from '../../status/status'
import type { DeadLetterSource } from './dead-letter-source'

/** The part of a source that shows. */
export type ShownReplay = Pick<DeadLetterSource, 'report' | 'running' | 'problem'>

export function replayStatus({ report, running, problem }: ShownReplay): Status {
  if (problem !== undefined) return { fill: 'red', shape: 'ring', text: problem.status }
  if (report === undefined) return {}
  const { found, delivered, filtered, failed, spent, incomplete } = report
  const number = delivered + filtered
  const text = [running ? phrase('replayedOf', { number, total: found }) : phrase('replayed', { number })]
  if (failed > 0) text.push(phrase('failed', { number: failed }))
  if (spent > 0) text.push(phrase('outOfAttempts', { number: spent }))
  if (incomplete > 0) text.push(phrase('incomplete', { number: incomplete }))
  const isWell = failed + spent + incomplete === 0
  return { fill: isWell ? 'green' : 'yellow', shape: running ? 'ring' : 'dot', text }
}
