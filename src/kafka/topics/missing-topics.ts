/**
 * Records whose Kafka topic is not there: they wait, the topic is created, or they are refused. Devices
 * have a hand in these names, so what can never be created is refused at once, for that topic's records alone.
 */
import type { EventLog } from '../../log/event-log'
import { CountLog } from '../../log/count-log'
import { PipelineError } from '../../wire/errors'
import type { KafkaCluster } from '../cluster'
import { NewTopics } from './new-topics'
import type { TopicPlan } from './topic-plan'
import { phrase } from '../../status/phrase'

export interface MissingTopicOptions {
  /** `wait`: until it is created by others. */
  readonly missingTopic: 'wait' | 'create' | 'reject'
  readonly newTopic: TopicPlan
  /** How many topics may be created in a day. */
  readonly maxNewTopics: number
  readonly log: EventLog
}

export class MissingTopics {
  private readonly created: NewTopics
  private readonly refused: CountLog

  constructor(
    private readonly cluster: KafkaCluster,
    private readonly options: MissingTopicOptions,
    nowMs: () => number,
  ) {
    this.created = new NewTopics(options.maxNewTopics, nowMs)
    this.refused = new CountLog(options.log, {
      code: 'KAFKA_TOO_MANY_TOPICS',
      text: (count) =>
        `for ${count} ${count === 1 ? 'record' : 'records'} no Kafka topic was created: see "Max. new topics"`,
    })
  }

  /**
   * Refuses a topic that would have to be created and may not be, without a request for each: names that devices invent
   * must not keep Kafka busy. @throws PipelineError `KAFKA_TOO_MANY_TOPICS`
   */
  async screen(topic: string, tenant: string | undefined): Promise<void> {
    if (this.options.missingTopic !== 'create') return
    const refusal = this.created.refusal(topic, tenant)
    if (refusal === undefined || (await this.cluster.topicNames()).has(topic)) return
    throw this.refuse(refusal, tenant)
  }

  /**
   * @param error Kafka's answer that there is no such topic
   * @returns the number of partitions of the topic, which is there now
   * @throws PipelineError, `retryable` when it may be there later
   */
  async count(topic: string, tenant: string | undefined, error: PipelineError): Promise<number> {
    await this.refuseTwin(topic)
    switch (this.options.missingTopic) {
      case 'create':
        return this.create(topic, tenant)
      case 'wait':
        throw error
      case 'reject':
        throw new PipelineError(error.code, `there is no Kafka topic ${topic}`, {
          retryable: false,
          status: error.status,
          cause: error,
        })
    }
  }

  close(): void {
    this.refused.close()
  }

  private async create(topic: string, tenant: string | undefined): Promise<number> {
    const refusal = this.created.take(topic, tenant)
    if (refusal !== undefined) throw this.refuse(refusal, tenant)
    try {
      const { partitions } = await this.cluster.ensureTopic(topic, this.options.newTopic)
      return partitions
    } catch (thrown) {
      // Its twin may have been created in this moment.
      if (thrown instanceof PipelineError && thrown.code === 'KAFKA_INVALID_TOPIC')
        await this.refuseTwin(topic, 0)
      throw thrown
    }
  }

  private refuse(refusal: PipelineError, tenant: string | undefined): PipelineError {
    this.refused.add(1, tenant)
    return refusal
  }

  private async refuseTwin(topic: string, maxAgeMs?: number): Promise<void> {
    const twin = await this.cluster.twinOf(topic, maxAgeMs)
    if (twin === undefined) return
    throw new PipelineError(
      'KAFKA_INVALID_TOPIC',
      `Kafka cannot have topic ${topic} beside ${twin}, which is there: they differ only in "." and "_". Separate the ` +
        'names by "-" in the template of tenant topic, or allow no "_" in them',
      { retryable: false, status: phrase('kafka', { problem: phrase('kafkaTopicTwin') }) },
    )
  }
}
