/** What the log says of a Kafka producer, besides what it reports itself. */
import { CountLog } from '../../log/count-log'
import type { EventLog } from '../../log/event-log'
import { shownNumber } from '../../status/shown-number'
import { OutageLog } from '../../log/outage-log'
import { eventOf } from '../outage-event'
import type { TenantProducer } from './producer'

export class ProducerEvents {
  private readonly connection: OutageLog
  private readonly rejected: CountLog
  private readonly late: CountLog
  private handedBack = 0

  constructor(private readonly log: EventLog) {
    this.connection = new OutageLog(log, {
      away: 'KAFKA_AWAY',
      back: 'KAFKA_BACK',
      backText: 'Kafka stores records again',
      first: ['KAFKA_CONNECTED', 'connected to Kafka'],
    })
    this.rejected = new CountLog(log, {
      code: 'REJECTED',
      text: (count) => `${count} ${count === 1 ? 'record' : 'records'} can never be stored in Kafka`,
    })
    this.late = new CountLog(log, {
      code: 'LATE_COPY',
      text: () =>
        'a message arrived after its delivery was settled: a node on the way has kept it without saying so. ' +
        'It is written, but its source did not wait for it',
    })
  }

  /** A message arrived after its delivery was settled. */
  noteLate(): void {
    this.late.add(1)
  }

  /** A deploy has closed the producer before Kafka had stored these. */
  noteHandedBack(records: number): void {
    this.handedBack += records
  }

  /** A record has left by the output. */
  noteRejected(tenant: unknown): void {
    this.rejected.add(1, tenant)
  }

  /** Call it now and then. */
  observe({
    problem,
    connected,
    heldRecords,
  }: Pick<TenantProducer, 'problem' | 'connected' | 'heldRecords'>): void {
    if (problem === undefined && !connected) return
    this.connection.report(problem, { ...eventOf(problem), counts: { waiting: heldRecords } })
  }

  close(): void {
    if (this.handedBack > 0) {
      const text = `closed before Kafka had stored ${shownNumber(this.handedBack)} records; their source sends them again`
      this.log.note('KAFKA_HANDED_BACK', text, { counts: { records: this.handedBack } })
    }
    this.connection.close()
    this.rejected.close()
    this.late.close()
  }
}
