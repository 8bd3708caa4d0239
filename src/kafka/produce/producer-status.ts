/** Puts into a few words what a producer is doing. */
import { phrase } from '../../status/phrase'
import { Rate } from '../../status/rate'
import type { Status } from '../../status/status'
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

  of(producer: ShownProducer, nowMs: number): Status {
    const rate = this.rate.measure(producer.storedRecords, nowMs)
    const { problem, heldRecords, connected } = producer
    if (problem !== undefined) {
      const { status } = problem
      const text = heldRecords > 0 ? phrase('andWaiting', { problem: status, number: heldRecords }) : status
      return { fill: 'red', shape: 'ring', text }
    }
    if (!connected) return { fill: 'yellow', shape: 'ring', text: 'connecting' }
    const text = [rate, phrase('inFlight', { number: heldRecords })]
    if (this.rejected > 0) text.push(phrase('rejected', { number: this.rejected }))
    return { fill: this.rejected > 0 ? 'yellow' : 'green', shape: 'dot', text }
  }
}
