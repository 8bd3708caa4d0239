/**
 * One Kafka cluster, shared by all nodes that name the same configuration. It holds what they share: the driver, one
 * admin, and the number of users, because nothing may be disconnected before the last of them has drained.
 */
import { CLOSE_BUDGET_MS, settlesWithin } from '../time/deadline'
import { PipelineError } from '../wire/errors'
import { Users } from '../runtime/users'
import { collisionKey } from '../tenant/kafka-topic'
import type { KafkaConnection } from './connection'
import type { KafkaAdmin, KafkaDriver, NewTopic, TopicDescription } from './driver'
import { needsBrokerCount, newTopic, replicasFor, type TopicPlan } from './topics/topic-plan'
import { phrase } from '../status/phrase'

/** So old may the list of topics be that tells what is not there: devices that invent names do not keep Kafka busy. */
const TOPIC_NAMES_AGE_MS = 2_000

export class KafkaCluster {
  readonly users = new Users()
  private sharedAdmin: KafkaAdmin | undefined
  private names: { readonly atMs: number; readonly names: Promise<ReadonlySet<string>> } | undefined
  private readonly creating = new Map<string, Promise<TopicDescription>>()

  constructor(
    readonly connection: KafkaConnection,
    readonly driver: KafkaDriver,
    /** Hears of each topic that was created. */
    private readonly onCreated: (topic: NewTopic) => void = () => undefined,
  ) {}

  /** Its addresses, for messages and statuses. */
  get address(): string {
    return this.connection.brokers.join(',')
  }

  /** The admin that all users share. Never close it. */
  get admin(): KafkaAdmin {
    this.sharedAdmin ??= this.driver.admin()
    return this.sharedAdmin
  }

  /**
   * Describes the topic, and creates it before if there is none. Several callers at once create it once.
   * @throws PipelineError
   */
  ensureTopic(topic: string, plan: TopicPlan): Promise<TopicDescription> {
    const running = this.creating.get(topic)
    if (running !== undefined) return running
    const creation = this.describeOrCreate(topic, plan).finally(() => this.creating.delete(topic))
    this.creating.set(topic, creation)
    return creation
  }

  /** The topics that there are. @throws PipelineError */
  topicNames(maxAgeMs = TOPIC_NAMES_AGE_MS): Promise<ReadonlySet<string>> {
    const nowMs = performance.now()
    if (this.names === undefined || nowMs - this.names.atMs >= maxAgeMs) {
      const names = this.admin.topicNames().then((all) => new Set(all))
      names.catch(() => (this.names = undefined))
      this.names = { atMs: nowMs, names }
    }
    return this.names.names
  }

  /** Another topic beside which Kafka cannot have this one: they differ only in `.` and `_`. @throws PipelineError */
  async twinOf(topic: string, maxAgeMs?: number): Promise<string | undefined> {
    const key = collisionKey(topic)
    if (!key.includes('_')) return undefined
    for (const name of await this.topicNames(maxAgeMs)) {
      if (name !== topic && collisionKey(name) === key) return name
    }
    return undefined
  }

  /** Waits for the users to let go, at most as long as Node-RED lets a node close, and disconnects. */
  async close(budgetMs = CLOSE_BUDGET_MS): Promise<void> {
    await settlesWithin(this.users.idle(), budgetMs)
    await this.sharedAdmin?.close()
    this.sharedAdmin = undefined
  }

  private async describeOrCreate(topic: string, plan: TopicPlan): Promise<TopicDescription> {
    const existing = await this.admin.describeTopic(topic)
    if (existing !== undefined) return existing
    const replicas = needsBrokerCount(plan) ? replicasFor(await this.admin.brokerCount()) : plan.replicas
    const wanted = newTopic(topic, { ...plan, replicas })
    await this.admin.createTopic(wanted)
    this.onCreated(wanted)
    const created = await this.admin.describeTopic(topic)
    if (created !== undefined) return created
    throw new PipelineError('KAFKA_TOPIC_NOT_CREATED', `topic ${topic} was created and is not there yet`, {
      retryable: true,
      status: phrase('kafka', { problem: phrase('kafkaTopicNotReady') }),
    })
  }
}
