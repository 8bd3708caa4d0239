/** Puts into a few words what a producer is doing, and notices which problems are new enough for the log. */
import type { PipelineError } from '../runtime/errors'
import type { NodeStatus } from '../runtime/host'
import type { TenantProducer } from './producer'

/** The part of a producer that shows. */
export type ShownProducer = Pick<TenantProducer, 'problem' | 'heldRecords' | 'storedRecords' | 'connected'>

export class ProducerStatus {
  private rejected = 0
  private reportedCode: string | undefined
  private storedBefore = 0
  private measuredAtMs: number

  constructor(startedAtMs: number) {
    this.measuredAtMs = startedAtMs
  }

  /** A record was rejected; the number stays in the status. */
  noteRejected(): void {
    this.rejected++
  }

  /** @returns the problem, the first time that it is seen in a row */
  newProblem({ problem }: ShownProducer): PipelineError | undefined {
    const isNew = problem !== undefined && problem.code !== this.reportedCode
    this.reportedCode = problem?.code
    return isNew ? problem : undefined
  }

  of(producer: ShownProducer, nowMs: number): NodeStatus {
    const rate = this.measure(producer.storedRecords, nowMs)
    const { problem, heldRecords, connected } = producer
    if (problem !== undefined) {
      const waiting = heldRecords > 0 ? `, ${number(heldRecords)} waiting` : ''
      return { fill: 'red', shape: 'ring', text: `${problem.statusText}${waiting}` }
    }
    if (!connected) return { fill: 'yellow', shape: 'ring', text: 'connecting' }
    const rejected = this.rejected > 0 ? ` · ${number(this.rejected)} rejected` : ''
    const fill = this.rejected > 0 ? 'yellow' : 'green'
    return { fill, shape: 'dot', text: `${number(rate)}/s · ${number(heldRecords)} out${rejected}` }
  }

  private measure(stored: number, nowMs: number): number {
    const seconds = (nowMs - this.measuredAtMs) / 1000
    const rate = seconds > 0 ? Math.round((stored - this.storedBefore) / seconds) : 0
    this.storedBefore = stored
    this.measuredAtMs = nowMs
    return rate
  }
}

function number(value: number): string {
  return value.toLocaleString('en')
}
