/** Puts into a few words what a source of dead letters is doing. */
import { shownNumber } from '../../log/numbers'
import type { NodeStatus } from '../../runtime/host'
import type { DeadLetterSource } from './dead-letter-source'

/** The part of a source that shows. */
export type ShownReplay = Pick<DeadLetterSource, 'report' | 'running' | 'problem'>

export function replayStatus({ report, running, problem }: ShownReplay): NodeStatus {
  if (problem !== undefined) return { fill: 'red', shape: 'ring', text: problem.statusText }
  if (report === undefined) return {}
  const { found, delivered, filtered, failed, spent, incomplete } = report
  const ended = shownNumber(delivered + filtered)
  const parts = [running ? `${ended} of ${shownNumber(found)} replayed` : `${ended} replayed`]
  if (failed > 0) parts.push(`${shownNumber(failed)} failed`)
  if (spent > 0) parts.push(`${shownNumber(spent)} out of attempts`)
  if (incomplete > 0) parts.push(`${shownNumber(incomplete)} incomplete`)
  const isWell = failed + spent + incomplete === 0
  return { fill: isWell ? 'green' : 'yellow', shape: running ? 'ring' : 'dot', text: parts.join(' · ') }
}
