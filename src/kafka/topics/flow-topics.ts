/** The Kafka topics that the nodes of a flow use through one cluster configuration. */
import { downstream, textOr, usersOf, type FlowConfig } from '../../delivery/flow/flow-walk'
import { runtimeIds, type FlowEntry } from '../../runtime/subflows'
import { parseTopics } from '../topic-selection'

export interface FlowTopic {
  readonly topic: string
  /** Some node creates it when it is missing. */
  readonly create: boolean
}

/** @param id of the cluster configuration @returns sorted; what only messages, patterns or variables name is not in it */
export function flowTopics(flow: readonly FlowEntry[], id: string): FlowTopic[] {
  const configs = flow as readonly FlowConfig[]
  const found = new Map<string, boolean>()
  const add = (topic: string, create: boolean): unknown =>
    topic.includes('$') || topic === '' ? undefined : found.set(topic, create || found.get(topic) === true)
  for (const user of usersOf(configs, 'cluster', id)) {
    const create = user.missingTopic === 'create'
    for (const topic of topicsOf(user)) add(topic, create)
    if (user.type !== 'tenant-kafka-producer' || textOr(user.topic, '') !== '') continue
    for (const { strategy, kafkaTopic } of routersBefore(user, configs))
      if (textOr(strategy, 'shared') === 'shared') add(textOr(kafkaTopic, 'iot-messages'), create)
  }
  return [...found].map(([topic, create]) => ({ topic, create })).sort((a, b) => (a.topic < b.topic ? -1 : 1))
}

function topicsOf({ type, topic, topics, target }: FlowConfig): string[] {
  switch (type) {
    case 'tenant-kafka-producer':
      return [textOr(topic, '')]
    case 'tenant-kafka-consumer':
      return namesIn(textOr(topics, ''))
    case 'tenant-dead-letter':
      return textOr(target, 'kafka') === 'kafka' ? [textOr(topic, 'iot-dead-letters')] : []
    default:
      return []
  }
}

function namesIn(topics: string): string[] {
  try {
    return parseTopics(topics).filter((wanted) => typeof wanted === 'string')
  } catch {
    return []
  }
}

/** The tenant topics whose messages reach the producer. */
function routersBefore(producer: FlowConfig, configs: readonly FlowConfig[]): FlowConfig[] {
  const leadsThere = (id: string): boolean => downstream(id, configs).includes(producer)
  return configs.filter(
    ({ id, type, d }) => type === 'tenant-topic' && d !== true && runtimeIds(id, configs).some(leadsThere),
  )
}
