/** What the sink shows under its node: how much it writes, or what keeps it from writing. */
import type { PipelineError } from '../../wire/errors'
import { Rate, shownNumber } from '../../log/numbers'
import type { NodeStatus } from '../../runtime/host'
import type { TableSink } from './table-sink'

export class SinkStatus {
  private readonly rate: Rate

  constructor(private readonly now: () => number = () => performance.now()) {
    this.rate = new Rate(now())
  }

  /** @param ofOutput what the flow behind the output does not do with rejected records */
  of(
    sink: Pick<TableSink, 'problem' | 'ready' | 'waiting' | 'counts' | 'server' | 'tenantProblems'>,
    ofOutput?: PipelineError,
  ): NodeStatus {
    const { ready, waiting, counts, server, tenantProblems } = sink
    const problem = sink.problem ?? ofOutput
    const rate = this.rate.measure(counts.rows, this.now())
    if (problem !== undefined) {
      const held = waiting === 0 ? '' : `, ${waiting} ${waiting === 1 ? 'batch' : 'batches'} waiting`
      return { fill: 'red', shape: 'ring', text: problem.statusText + held }
    }
    if (!ready) return { fill: 'yellow', shape: 'ring', text: 'connecting' }
    const parts = [rate, `${waiting} out`]
    if (counts.rejected > 0) parts.push(`${shownNumber(counts.rejected)} rejected`)
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
}
