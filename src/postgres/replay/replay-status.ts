/** Puts into a few words what a source of dead letters is doing. */
import type { NodeStatus } from '../../runtime/host'
import type { DeadLetterSource } from './dead-letter-source'

/** The part of a source that shows. */
export type ShownReplay = Pick<DeadLetterSource, 'report' | 'running' | 'problem'>

export function replayStatus({ report, running, problem }: ShownReplay): NodeStatus {
  if (problem !== undefined) return { fill: 'red', shape: 'ring', text: problem.statusText }
  if (report === undefined) return {}
  const { found, delivered, filtered, failed, spent, incomplete } = report
  const ended = (delivered + filtered).toLocaleString('en')
  const parts = [running ? `${ended} of ${found.toLocaleString('en')} replayed` : `${ended} replayed`]
  if (failed > 0) parts.push(`${failed.toLocaleString('en')} failed`)
  if (spent > 0) parts.push(`${spent.toLocaleString('en')} out of attempts`)
  if (incomplete > 0) parts.push(`${incomplete.toLocaleString('en')} incomplete`)
  const isWell = failed + spent + incomplete === 0
  return { fill: isWell ? 'green' : 'yellow', shape: running ? 'ring' : 'dot', text: parts.join(' · ') }
}
