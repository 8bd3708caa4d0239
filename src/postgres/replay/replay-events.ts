/** What the log says of replays. */
import type { PipelineError } from '../../wire/errors'
import type { EventLog } from '../../log/event-log'
import { OutageLog } from '../../log/outage-log'
import type { Replayed, ReplayReport } from './replay-report'

export class ReplayEvents {
  private readonly database: OutageLog
  private readonly said = new Set<string>()

  constructor(private readonly log: EventLog) {
    this.database = new OutageLog(log, {
      away: 'DEAD_LETTERS_WAITING',
      back: 'DEAD_LETTERS_BACK',
      backText: 'dead letters are read and marked again',
    })
  }

  noteDatabase(problem: PipelineError | undefined): void {
    this.database.report(problem)
  }

  /** A node after the source that does not fit. */
  noteFlow(problem: PipelineError): void {
    this.log.error(problem)
  }

  /** One line for each kind of failure in a replay, not for each letter. */
  noteEnded({ outcome, error, tenant }: Replayed): void {
    if (outcome !== 'failed' || error === undefined || this.said.has(error.code)) return
    this.said.add(error.code)
    this.log.problem('REPLAY_FAILED', error, { tenant })
  }

  noteReport(report: ReplayReport, isStopped: boolean): void {
    const { found, delivered, filtered, failed, skipped, spent, incomplete } = report
    this.said.clear()
    const counts = { found, delivered, filtered, failed, skipped, spent, incomplete }
    const text = `a replay of ${found} dead letters ${isStopped ? 'was stopped' : 'is over'}: ${delivered + filtered} ended, ${failed} failed again`
    this.log.note('REPLAYED', text, { counts })
    if (spent + incomplete === 0) return
    const left = `${spent} dead letters have failed as often as is allowed, ${incomplete} have no whole payload: they were not sent`
    this.log.note('REPLAY_LEFT', left, { counts: { spent, incomplete } })
  }

  close(): void {
    this.database.close()
  }
}
