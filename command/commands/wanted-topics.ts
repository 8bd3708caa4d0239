/**
 * Which Kafka topics `topics create` and `topics check` are about: those that `tenant-topic` would send the messages of these
 * tenants and projects to. It is asked with an MQTT topic for each, so that names that it refuses are refused here as well.
 */
import { readFileSync } from 'node:fs'
import { options as routing } from '../../nodes/tenant-topic/options'
import { readOptions, text } from '../../src/config/options'
import { kafkaTopicProblem } from '../../src/tenant/kafka-topic'
import { TopicRouter } from '../../src/tenant/topic-router'
import { usage } from '../arguments'
import type { Call } from '../command'
import type { Flow } from '../connections/flow'

export const TOPIC_OPTIONS = {
  topic: { reads: 'list', value: 'NAME', what: 'a Kafka topic by its name' },
  tenant: { reads: 'list', value: 'NAME', what: 'a tenant; each is combined with each project' },
  project: { reads: 'list', value: 'NAME', what: 'a project' },
  list: {
    reads: text(),
    value: 'FILE',
    what: 'tenants and projects, one tenant/project on a line; empty lines and those that begin with # are skipped',
  },
  template: {
    reads: text({ expects: 'topicTemplate' }),
    value: 'TEXT',
    what: 'the Kafka topic of a tenant, such as {tenant}.{project}; without it, as the tenant topic nodes of the flow have it',
  },
  pattern: {
    reads: text({ expects: 'topicPattern' }),
    value: 'TEXT',
    what: 'the topic pattern that has the names of the template; TOPIC_PATTERN counts without it',
  },
} as const

export interface TopicValues {
  readonly topic: readonly string[]
  readonly tenant: readonly string[]
  readonly project: readonly string[]
  readonly list: string
  readonly template: string
  readonly pattern: string
}

type Levels = Readonly<Record<string, string>>

/** @returns the topics, each once, in the order of the tenants @throws PipelineError `USAGE` or `CONFIG_INVALID` */
export function wantedTopics(values: TopicValues, flow: Flow, environment: Call['environment']): string[] {
  const topics = new Set<string>()
  for (const name of values.topic) {
    const problem = kafkaTopicProblem(name)
    if (problem !== undefined) throw usage(problem)
    topics.add(name)
  }
  const tenants = tenantsOf(values)
  for (const router of routersOf(values, flow, environment))
    for (const levels of tenants) topics.add(topicOf(router, levels))
  if (topics.size > 0) return [...topics]
  throw usage('no topics are named: use --topic, or --tenant and --project, or --list')
}

/** The environment stands for the nodes of the flow when there is none. */
function routersOf(
  { template, pattern }: TopicValues,
  flow: Flow,
  environment: Call['environment'],
): TopicRouter[] {
  const routers = flow.entries.filter(({ type, d }) => type === 'tenant-topic' && d !== true)
  const ofFlow = routers.map((entry) =>
    Object.fromEntries(Object.entries(entry).map(([key, value]) => [key, flow.resolved(value)])),
  )
  const given = {
    ...(pattern === '' ? {} : { pattern }),
    ...(template === '' ? {} : { strategy: 'template', topicTemplate: template }),
  }
  const ofEnvironment = {
    ...(environment['TOPIC_PATTERN'] && { pattern: environment['TOPIC_PATTERN'] }),
    ...(environment['KAFKA_TOPIC'] && { kafkaTopic: environment['KAFKA_TOPIC'] }),
  }
  const configs = ofFlow.length === 0 ? [ofEnvironment] : ofFlow
  return configs.map((config) => new TopicRouter(readOptions(routing, { ...config, ...given })))
}

function tenantsOf({ tenant: tenants, project: projects, list }: TopicValues): Levels[] {
  if (projects.length > 0 && tenants.length === 0) throw usage('--project needs --tenant')
  const combined = tenants.flatMap((tenant) =>
    projects.length === 0 ? [{ tenant }] : projects.map((project) => ({ tenant, project })),
  )
  return [...combined, ...(list === '' ? [] : listed(list))]
}

function listed(file: string): Levels[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw usage(`${file}, which --list names, cannot be read`)
  }
  return text.split(/\r?\n/).flatMap((line, index) => {
    const entry = line.trim()
    if (entry === '' || entry.startsWith('#')) return []
    const [tenant = '', project, ...others] = entry.split('/').map((part) => part.trim())
    if (others.length > 0 || tenant === '' || project === '')
      throw usage(`line ${index + 1} of ${file} is not tenant/project`)
    return [project === undefined ? { tenant } : { tenant, project }]
  })
}

/** Levels that the template names and that are not given would become a topic of their own by mistake. */
function topicOf(router: TopicRouter, levels: Levels): string {
  const missing = router.topicNames.find((name) => levels[name] === undefined)
  if (missing !== undefined) {
    const how = missing === 'project' ? 'name projects as well' : 'name these topics with --topic'
    throw usage(`the Kafka topic has {${missing}} in it, and only tenants and projects are known: ${how}`)
  }
  const route = router.route(router.pattern.topicOf(levels))
  if (route instanceof Error) throw usage(route.message)
  return route.kafkaTopic
}
