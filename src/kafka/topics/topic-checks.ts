/**
 * Checks the settings of topics when a node begins to use them, and says in the log what is unsafe about them: once a
 * topic, and not for more topics than a person would read about.
 */
import type { EventLog } from '../../log/event-log'
import type { KafkaAdmin, TopicDescription } from '../driver'

const MAX_CHECKED_TOPICS = 20

export interface TopicChecksOptions {
  readonly admin: () => Pick<KafkaAdmin, 'describeTopic'>
  readonly log: EventLog
  readonly warnings: (description: TopicDescription) => readonly string[]
  /** Hears of each description before its warnings. */
  readonly onDescribed?: (description: TopicDescription) => void
}

export class TopicChecks {
  private readonly checked = new Set<string>()

  constructor(private readonly options: TopicChecksOptions) {}

  /** Never rejects: when the check fails only the warning is lost, and the next call checks again. */
  async check(topic: string): Promise<void> {
    if (this.checked.has(topic) || this.checked.size >= MAX_CHECKED_TOPICS) return
    this.checked.add(topic)
    const { admin, log, warnings, onDescribed } = this.options
    try {
      const description = await admin().describeTopic(topic)
      if (description === undefined) return
      onDescribed?.(description)
      for (const warning of warnings(description)) log.note('KAFKA_TOPIC_UNSAFE', warning)
    } catch {
      this.checked.delete(topic)
    }
  }
}
