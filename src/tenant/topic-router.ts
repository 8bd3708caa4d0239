/**
 * From an MQTT topic to the tenant it belongs to and the Kafka topic and key it goes to: the pattern, the rules
 * for names and the templates in one object, compiled when the node is deployed.
 */
import type { WireRecord } from '../wire/message'
import { PipelineError } from '../wire/errors'
import { kafkaTopicProblem } from './kafka-topic'
import { nameRule, type NameRule } from './names'
import { ownTopicProblem, toolTopicProblem } from './reserved-topics'
import { refused, Template } from './templates'
import { TopicCache } from './topic-cache'
import { TopicPattern } from './topic-pattern'
import { sharedTopic, topicTemplate } from './topic-template'

export interface TopicRouterOptions {
  readonly pattern: string
  /** Regular expressions for the whole name. */
  readonly allowedTenant: string
  readonly allowedProject: string
  /** One topic for all tenants, or one for each text that the template makes. */
  readonly strategy: 'shared' | 'template'
  readonly kafkaTopic: string
  readonly topicTemplate: string
  /** Empty: all named levels of the pattern, joined by `/`. */
  readonly keyTemplate: string
}

/** Where a topic leads. Shared by all messages of the topic: it must not be changed. */
export interface Route {
  readonly levels: Readonly<Record<string, string>>
  readonly kafkaTopic: string
  readonly key: string
}

const LONGEST_SHOWN_TOPIC = 120

export class TopicRouter {
  readonly pattern: TopicPattern
  private readonly rules: readonly (readonly [name: string, rule: NameRule])[]
  private readonly kafkaTopic: Template
  private readonly key: Template | undefined
  private readonly isTemplate: boolean
  /** Devices choose the whole name of the topic, up to dots and dashes. */
  private readonly isOpen: boolean
  private readonly cache = new TopicCache<Route | PipelineError>()

  /** @throws PipelineError `CONFIG_INVALID`: what is wrong with the pattern, a rule or a template */
  constructor(options: TopicRouterOptions) {
    this.pattern = TopicPattern.compile(options.pattern)
    const { names } = this.pattern
    if (!this.pattern.isRequired('tenant')) {
      throw refused('topic pattern', options.pattern, 'it must have a level {tenant}, which is not optional')
    }
    this.rules = [
      ['tenant', nameRule('tenant', options.allowedTenant)],
      ['project', nameRule('project', options.allowedProject)],
    ]
    this.kafkaTopic =
      options.strategy === 'shared'
        ? sharedTopic(options.kafkaTopic)
        : topicTemplate(options.topicTemplate, this.pattern)
    this.isTemplate = options.strategy === 'template'
    this.isOpen = this.isTemplate && isOpen(this.kafkaTopic, options)
    this.key = options.keyTemplate === '' ? undefined : Template.compile('key', options.keyTemplate, names)
  }

  /** The levels that the Kafka topic has in its name. */
  get topicNames(): readonly string[] {
    return this.kafkaTopic.names
  }

  /** @returns the route, or a permanent error that says why there is none */
  route(topic: unknown): Route | PipelineError {
    if (typeof topic !== 'string' || topic === '') {
      return noRoute('TOPIC_MISSING', 'the message has no MQTT topic in msg.topic')
    }
    const route = this.cache.get(topic, (text) => this.compute(text))
    if (!this.isTemplate || route instanceof Error) return route
    const problem = ownTopicProblem(route.kafkaTopic)
    return problem === undefined ? route : noRoute('KAFKA_TOPIC_INVALID', `topic ${shown(topic)}: ${problem}`)
  }

  /** Topics of the messages that came last, whether they have a route or not; of each the first message counts. */
  lastSeen(max: number): string[] {
    return this.cache.newest(max)
  }

  private compute(topic: string): Route | PipelineError {
    const match = this.pattern.match(topic)
    const where = `topic ${shown(topic)}`
    if ('reason' in match) {
      return noRoute('TOPIC_NO_MATCH', `${where} does not match "${this.pattern.text}": ${match.reason}`)
    }
    const { levels } = match
    for (const [name, rule] of this.rules) {
      const value = levels[name]
      const problem = value === undefined ? undefined : rule(value)
      if (problem !== undefined) return noRoute('NAME_NOT_ALLOWED', `${where}: ${problem}`)
    }
    const kafkaTopic = this.kafkaTopic.render(levels)
    const problem =
      this.kafkaTopic.ambiguity(levels) ??
      kafkaTopicProblem(kafkaTopic) ??
      (this.isOpen ? toolTopicProblem(kafkaTopic) : undefined)
    if (problem !== undefined) return noRoute('KAFKA_TOPIC_INVALID', `${where}: ${problem}`)
    const key = this.key === undefined ? Object.values(levels).join('/') : this.key.render(levels)
    return { levels, kafkaTopic, key }
  }
}

/**
 * Sets what the topic says; payload and topic stay as they are. A level that this topic does not have must not remain
 * from an earlier node. Each field is set by its name: a computed one would cost a microsecond for each record.
 */
export function applyRoute(record: WireRecord, route: Route): void {
  const { tenant, project, device } = route.levels
  record.levels = { ...route.levels }
  if (tenant !== undefined) record.tenant = tenant
  else delete record.tenant
  if (project !== undefined) record.project = project
  else delete record.project
  if (device !== undefined) record.device = device
  else delete record.device
  const before = record.kafka
  // A record that was read from Kafka keeps its position: the sink counts on it.
  if (before?.offset !== undefined) return
  record.kafka =
    before?.headers === undefined
      ? { topic: route.kafkaTopic, key: route.key }
      : { topic: route.kafkaTopic, key: route.key, headers: before.headers }
}

/** Names with `|` between them, such as `acme|north`: its author knows every one of them. */
const LIST_OF_NAMES = /^[A-Za-z0-9_-]+(?:\|[A-Za-z0-9_-]+)*$/

function isOpen(
  { literals, names }: Template,
  { allowedTenant, allowedProject }: Pick<TopicRouterOptions, 'allowedTenant' | 'allowedProject'>,
): boolean {
  if (literals.some((text) => /[A-Za-z0-9]/.test(text))) return false
  const listed = new Set<string>()
  if (LIST_OF_NAMES.test(allowedTenant)) listed.add('tenant')
  if (LIST_OF_NAMES.test(allowedProject)) listed.add('project')
  return !names.every((name) => listed.has(name))
}

function shown(topic: string): string {
  return JSON.stringify(
    topic.length <= LONGEST_SHOWN_TOPIC ? topic : `${topic.slice(0, LONGEST_SHOWN_TOPIC)}…`,
  )
}

function noRoute(code: string, sentence: string): PipelineError {
  return new PipelineError(code, sentence, { retryable: false, status: 'topicNotMatched' })
}
