/** What the log says of a consumer's place in its group, and of topics that it does not read. */
import type { EventLog } from '../../log/event-log'
import type { TopicPartition } from '../driver'

/** At most this many are named; devices may have created any number of them. */
const SHOWN_TOPICS = 10

export class GroupNotes {
  constructor(
    private readonly log: EventLog,
    private readonly group: string,
  ) {}

  noteAssigned(partitions: readonly TopicPartition[]): void {
    this.noteChange('KAFKA_ASSIGNED', 'was given', partitions)
  }

  noteRevoked(partitions: readonly TopicPartition[]): void {
    this.noteChange('KAFKA_REVOKED', 'has given up', partitions)
  }

  noteReleased({ topic, partition }: TopicPartition, offset: number): void {
    this.log.note(
      'KAFKA_RELEASED',
      `${topic} partition ${partition} resumes at offset ${offset}, as set in the dialog`,
    )
  }

  noteExcluded(topics: readonly string[]): void {
    const shown = topics.slice(0, SHOWN_TOPICS).join(', ')
    const more = topics.length > SHOWN_TOPICS ? ` and ${topics.length - SHOWN_TOPICS} more` : ''
    this.log.note(
      'KAFKA_TOPIC_EXCLUDED',
      `the topic pattern matches ${shown}${more}, which a pattern never reads: "__" is for the topics of Kafka itself. ` +
        'To read such a topic, name it in a consumer of its own',
    )
  }

  private noteChange(
    code: 'KAFKA_ASSIGNED' | 'KAFKA_REVOKED',
    what: string,
    { length }: readonly TopicPartition[],
  ): void {
    const text = `the consumer ${what} ${length} ${length === 1 ? 'partition' : 'partitions'} in group ${this.group}`
    if (length > 0) this.log.note(code, text, { counts: { partitions: length } })
  }
}
