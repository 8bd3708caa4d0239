/** What the log says of a Kafka consumer, besides what it reports itself. */
import { RedeliveryEvents } from '../../delivery/redelivery-events'
import { CountLog } from '../../log/count-log'
import type { EventLog } from '../../log/event-log'
import { OutageLog } from '../../log/outage-log'
import { eventOf } from '../outage-event'
import type { KafkaSource } from './source'

export class ConsumerEvents {
  private readonly connection: OutageLog
  private readonly impairment: OutageLog
  private readonly redelivery: RedeliveryEvents
  private readonly spent: CountLog
  private readonly gaps: CountLog
  /** The topic in which records were missing last. */
  private gapsIn = ''

  constructor(log: EventLog) {
    this.connection = new OutageLog(log, {
      away: 'KAFKA_AWAY',
      back: 'KAFKA_BACK',
      backText: 'the consumer reads from Kafka again',
      first: ['KAFKA_CONNECTED', 'the consumer has joined its group'],
    })
    this.impairment = new OutageLog(log, {
      away: 'KAFKA_PARTITIONS_AWAY',
      back: 'KAFKA_PARTITIONS_BACK',
      backText: 'the consumer reads from all of its topics again',
    })
    this.redelivery = new RedeliveryEvents(log)
    this.spent = new CountLog(log, {
      code: 'REPLAY_LEFT',
      text: (count) =>
        `${count} ${count === 1 ? 'dead letter has' : 'dead letters have'} failed as often as is allowed, and stay in the topic`,
    })
    this.gaps = new CountLog(log, {
      code: 'KAFKA_GAP',
      text: (count) =>
        `possible loss: Kafka no longer had ${count} ${count === 1 ? 'record' : 'records'} when the consumer came to ` +
        `read ${count === 1 ? 'it' : 'them'}, last in topic ${this.gapsIn}: the topic is compacted, or was. Set ` +
        'cleanup.policy=delete, unless the newest record of each key is all that you need',
    })
  }

  /** Call it now and then. */
  observe(source: Pick<KafkaSource, 'away' | 'joined' | 'impaired' | 'failing' | 'heldCount' | 'out'>): void {
    if (source.away !== undefined || source.joined) this.connection.report(source.away, eventOf(source.away))
    if (source.away === undefined) this.impairment.report(source.impaired)
    this.redelivery.observe(source)
  }

  noteSpent(count: number): void {
    this.spent.add(count)
  }

  noteGaps(topic: string, count: number): void {
    this.gapsIn = topic
    this.gaps.add(count)
  }

  noteFiltered(count: number): void {
    this.redelivery.noteFiltered(count)
  }

  close(): void {
    this.connection.close()
    this.impairment.close()
    this.redelivery.close()
    this.spent.close()
    this.gaps.close()
  }
}
