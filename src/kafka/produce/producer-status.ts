/** Puts into a few words what a producer is doing. */
import { Rate, shownNumber } from '../../log/numbers'
import type { NodeStatus } from '../../runtime/host'
import type { TenantProducer } from './producer'

/** The part of a producer that shows. */
export type ShownProducer = Pick<TenantProducer, 'problem' | 'heldRecords' | 'storedRecords' | 'connected'>

export class ProducerStatus {
  private rejected = 0
  private readonly rate: Rate

  constructor(startedAtMs: number) {
    this.rate = new Rate(startedAtMs)
  }

  /** A record was rejected; the number stays in the status. */
  noteRejected(): void {
    this.rejected++
  }

  of(producer: ShownProducer, nowMs: number): NodeStatus {
    const rate = this.rate.measure(producer.storedRecords, nowMs)
    const { problem, heldRecords, connected } = producer
    if (problem !== undefined) {
      const waiting = heldRecords > 0 ? `, ${shownNumber(heldRecords)} waiting` : ''
      return { fill: 'red', shape: 'ring', text: `${problem.statusText}${waiting}` }
    }
    if (!connected) return { fill: 'yellow', shape: 'ring', text: 'connecting' }
    const rejected = this.rejected > 0 ? ` · ${shownNumber(this.rejected)} rejected` : ''
    const fill = this.rejected > 0 ? 'yellow' : 'green'
    return { fill, shape: 'dot', text: `${rate} · ${shownNumber(heldRecords)} out${rejected}` }
  }
}
