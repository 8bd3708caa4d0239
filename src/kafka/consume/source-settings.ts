/** The settings of a Kafka source, and what it needs of the node around it. */
import type { FlowTracking } from '../../delivery/flow/flow-tracking'
import type { WhenFiltered } from '../../delivery/redelivery'
import type { EventLog } from '../../log/event-log'
import type { PipelineError } from '../../wire/errors'
import type { Message } from '../../wire/message'
import type { Assigner, StartAt } from '../driver'
import type { PositionStore } from '../../wire/positions'
import type { WantedTopic } from '../topic-selection'
import type { TopicNames } from '../topics/topic-names'
import type { TopicPlan } from '../topics/topic-plan'

export interface KafkaSourceSettings {
  readonly nodeId: string
  readonly group: string
  readonly topics: readonly WantedTopic[]
  readonly mode: 'batch' | 'record'
  readonly start: StartAt
  readonly maxBatchRecords: number
  readonly maxBatchBytes: number
  /** How long records gather in Kafka before they are read, while some arrive all the time; 0: they do not. */
  readonly lingerMs: number
  /** Records that may be in the flow at a time, when they go one by one. */
  readonly windowRecords: number
  readonly sessionTimeoutMs: number
  readonly assigner: Assigner
  readonly deliveryTimeoutMs: number
  /** 0: until it succeeds. */
  readonly attempts: number
  readonly whenFiltered: WhenFiltered
  /** Dead letters, of a topic that keeps them, that have failed this often are skipped. */
  readonly maxDeadLetterAttempts: number
  /** Names tenant and project of records that do not say them. */
  readonly topicNames: TopicNames | undefined
  /** How to create topics that are missing; `undefined`: wait for them. */
  readonly createTopics: TopicPlan | undefined
}

export interface KafkaSourceHost {
  readonly tracking: FlowTracking
  /** Where sinks keep their positions; `undefined`: only Kafka's committed offsets count. See `start-position.ts`. */
  readonly positions: PositionStore | undefined
  send(output: number, message: Message): void
  isWired(output: number): boolean
  /** `msg.error` of a message on the second output. */
  describe(error: PipelineError): unknown
  /** The flow has ended messages with this many records on purpose, and they were settled. */
  onFiltered(count: number): void
  /** Kafka has deleted this many records of the topic by compaction before they were read. */
  onGaps(topic: string, count: number): void
  /** Dead letters were skipped, because they have used up their attempts. */
  onSpent(count: number): void
  readonly log: EventLog
}
