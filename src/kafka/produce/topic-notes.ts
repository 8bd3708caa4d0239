/** What the log says of the topics that a producer writes to: their settings, and what is unsafe about them. */
import type { EventLog } from '../../log/event-log'
import type { KafkaAdmin, TopicDescription } from '../driver'
import { topicWarnings } from '../topics/topic-check'
import { TopicChecks } from '../topics/topic-checks'

export class TopicNotes {
  private readonly checks: TopicChecks
  /** Checked topics in which the broker replaces the time of a record; told when the flow first sets one. */
  private readonly appendTime = new Set<string>()

  constructor(
    private readonly log: EventLog,
    admin: () => Pick<KafkaAdmin, 'describeTopic'>,
    maxBatchBytes: number,
  ) {
    this.checks = new TopicChecks({
      admin,
      log,
      warnings: (description) => topicWarnings(description, maxBatchBytes),
      onDescribed: (description) => this.onDescribed(description),
    })
  }

  /** The topic is there. */
  noteFound(topic: string): void {
    void this.checks.check(topic)
  }

  /** The flow has set `msg.kafka.timestamp`: it must not be replaced without a word. */
  noteOwnTime(topic: string): void {
    if (!this.appendTime.delete(topic)) return
    this.log.note(
      'KAFKA_TOPIC_UNSAFE',
      `Kafka topic ${topic} has message.timestamp.type=LogAppendTime: the broker replaces msg.kafka.timestamp by its ` +
        'own time. Set CreateTime for the topic to keep it, or put the time into the payload.',
    )
  }

  noteFewerPartitions(topic: string, partitions: number, moved: number): void {
    this.log.note(
      'KAFKA_PARTITIONS_FEWER',
      `Kafka topic ${topic} has ${partitions} partitions now, fewer than before: it was created again. Devices may change ` +
        'their partition; what waited for the others is written to these',
      { counts: { partitions, records: moved } },
    )
  }

  private onDescribed(description: TopicDescription): void {
    const { topic, partitions, replicas, minInSyncReplicas, hasAppendTime } = description
    const minInSync = minInSyncReplicas === undefined ? {} : { minInSyncReplicas }
    this.log.note('KAFKA_TOPIC_CHECKED', `Kafka topic ${topic} is there`, {
      counts: { partitions, replicas, ...minInSync },
    })
    if (hasAppendTime === true) this.appendTime.add(topic)
  }
}
