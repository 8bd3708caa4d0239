/** What the sink shows under its node: how much it writes, or what keeps it from writing. */
import type { PipelineError } from '../../wire/errors'
import type { NodeStatus } from '../../runtime/host'
import type { TableSink } from './table-sink'

/** The rate is that of the time since the last look, but not of less than this. */
const RATE_INTERVAL_MS = 1_000

export class SinkStatus {
  private rows = 0
  private rate = 0
  private lookedAtMs: number

  constructor(private readonly now: () => number = () => performance.now()) {
    this.lookedAtMs = now()
  }

  /** @param ofOutput what the flow behind the output does not do with rejected records */
  of(
    sink: Pick<TableSink, 'problem' | 'ready' | 'waiting' | 'counts' | 'server' | 'tenantProblems'>,
    ofOutput?: PipelineError,
  ): NodeStatus {
    const { ready, waiting, counts, server, tenantProblems } = sink
    const problem = sink.problem ?? ofOutput
    this.measure(counts.rows)
    if (problem !== undefined) {
      const held = waiting === 0 ? '' : `, ${waiting} ${waiting === 1 ? 'batch' : 'batches'} waiting`
      return { fill: 'red', shape: 'ring', text: problem.statusText + held }
    }
    if (!ready) return { fill: 'yellow', shape: 'ring', text: 'connecting' }
    const parts = [`${this.rate.toLocaleString('en')}/s`, `${waiting} out`]
    if (counts.rejected > 0) parts.push(`${counts.rejected.toLocaleString('en')} rejected`)
    if (server !== undefined) parts.push(server)
    const [first] = tenantProblems
    if (first !== undefined) {
      const [tenant, { statusText }] = first
      const others = tenantProblems.size - 1
      parts.unshift(
        `table of ${tenant}${others === 0 ? '' : ` and ${others} more`}: ${statusText.replace(/^PostgreSQL: /, '')}`,
      )
    }
    return {
      fill: counts.rejected > 0 || first !== undefined ? 'yellow' : 'green',
      shape: 'dot',
      text: parts.join(' · '),
    }
  }

  private measure(rows: number): void {
    const elapsedMs = this.now() - this.lookedAtMs
    if (elapsedMs < RATE_INTERVAL_MS) return
    this.rate = Math.round(((rows - this.rows) * 1000) / elapsedMs)
    this.rows = rows
    this.lookedAtMs += elapsedMs
  }
}
