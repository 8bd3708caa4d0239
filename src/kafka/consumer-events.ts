/** What the log says of a Kafka consumer, besides what it reports itself. */
import { RedeliveryEvents } from '../delivery/redelivery-events'
import type { EventLog } from '../runtime/event-log'
import { OutageLog } from '../runtime/outage-log'
import type { KafkaSource } from './source'

export class ConsumerEvents {
  private readonly connection: OutageLog
  private readonly redelivery: RedeliveryEvents

  constructor(log: EventLog) {
    this.connection = new OutageLog(log, {
      away: 'KAFKA_AWAY',
      back: 'KAFKA_BACK',
      backText: 'the consumer reads from Kafka again',
      first: ['KAFKA_CONNECTED', 'the consumer has joined its group'],
    })
    this.redelivery = new RedeliveryEvents(log)
  }

  /** Call it now and then. */
  look(source: Pick<KafkaSource, 'away' | 'joined' | 'failing' | 'heldCount' | 'out'>): void {
    if (source.away !== undefined || source.joined) this.connection.look(source.away)
    this.redelivery.look(source)
  }

  close(): void {
    this.connection.close()
    this.redelivery.close()
  }
}
