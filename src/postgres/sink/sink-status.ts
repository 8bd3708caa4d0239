/** The status under the sink's node: how much it writes, or what keeps it from writing. */
import { DatabaseError } from '../connect/database-error'
import type { PipelineError } from '../../wire/errors'
import { phrase, type Phrase } from '../../status/phrase'
import { Rate } from '../../status/rate'
import type { Status } from '../../status/status'

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
  of(sink: SinkState, ofOutput?: PipelineError): Status {
    const { ready, waiting, counts, server, tenantProblems } = sink
    const problem = sink.problem ?? ofOutput
    const rate = this.rate.measure(counts.rows, this.now())
    if (problem !== undefined) {
      return { fill: 'red', shape: 'ring', text: withBatches(problem.status, waiting) }
    }
    if (!ready) return { fill: 'yellow', shape: 'ring', text: 'connecting' }
    const text = [rate, phrase('inFlight', { number: waiting })]
    if (counts.rejected > 0) text.push(phrase('rejected', { number: counts.rejected }))
    if (server !== undefined) text.push(phrase('verbatim', { text: server }))
    const ofTenants = tenantText(tenantProblems)
    if (ofTenants !== undefined) text.unshift(ofTenants)
    return { fill: counts.rejected > 0 || ofTenants !== undefined ? 'yellow' : 'green', shape: 'dot', text }
  }
}

function withBatches(problem: Phrase, waiting: number): Phrase {
  if (waiting === 0) return problem
  return waiting === 1
    ? phrase('andBatchWaiting', { problem })
    : phrase('andBatchesWaiting', { problem, number: waiting })
}

function tenantText(problems: ReadonlyMap<string, PipelineError>): Phrase | undefined {
  const [first] = problems
  if (first === undefined) return undefined
  const [tenant, error] = first
  // That it is PostgreSQL goes without saying here.
  const problem = error instanceof DatabaseError ? error.inShort : error.status
  return problems.size === 1
    ? phrase('tableOf', { tenant, problem })
    : phrase('tablesOf', { tenant, number: problems.size - 1, problem })
}
