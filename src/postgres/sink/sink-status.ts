/** The status under the sink's node: how much it writes, or what keeps it from writing. */
import type { PipelineError } from '../../wire/errors'
import { Rate, shownNumber } from '../../log/numbers'
import type { NodeStatus } from '../../runtime/host'

/** What the status and the log say about a sink. */
export interface SinkState {
  /** It has reached the database and found, or created, the table. */
  readonly ready: boolean
  /**
   * What keeps it from writing, until the work that met it succeeds. Other work may succeed meanwhile: a partition that
   * is stuck must not look well because its neighbors are.
   */
  readonly problem: PipelineError | undefined
  /** Why the tables of some tenants cannot be written. */
  readonly tenantProblems: ReadonlyMap<string, PipelineError>
  /** Messages in the sink. */
  readonly waiting: number
  /** Rows and rejected records since the start. */
  readonly counts: { readonly rows: number; readonly rejected: number }
  /** The server in use, where there are several. */
  readonly server: string | undefined
}

export class SinkStatus {
  private readonly rate: Rate

  constructor(private readonly now: () => number = () => performance.now()) {
    this.rate = new Rate(now())
  }

  /** @param ofOutput why the flow has not stored rejected records yet */
  of(sink: SinkState, ofOutput?: PipelineError): NodeStatus {
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
