/** Puts into a few words what a producer is doing. */
import type { NodeStatus } from '../../runtime/host'
import type { TenantProducer } from './producer'

/** The part of a producer that shows. */
export type ShownProducer = Pick<TenantProducer, 'problem' | 'heldRecords' | 'storedRecords' | 'connected'>

export class ProducerStatus {
  private rejected = 0
  private storedBefore = 0
  private measuredAtMs: number

  constructor(startedAtMs: number) {
    this.measuredAtMs = startedAtMs
  }

  /** A record was rejected; the number stays in the status. */
  noteRejected(): void {
    this.rejected++
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
