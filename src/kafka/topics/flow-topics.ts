/** The Kafka topics that the nodes of a flow use through one cluster configuration. */
import type { FlowEntry } from '../../runtime/subflows'
import { parseTopics } from '../topic-selection'

export interface FlowTopic {
  readonly topic: string
  /** Some node creates it when it is missing. */
  readonly create: boolean
}

interface Entry extends FlowEntry {
  readonly cluster?: unknown
  readonly topic?: unknown
  readonly topics?: unknown
  readonly target?: unknown
  readonly strategy?: unknown
  readonly kafkaTopic?: unknown
  readonly missingTopic?: unknown
  readonly wires?: unknown
  readonly d?: unknown
}

/** @param id of the cluster configuration @returns sorted; what only messages, patterns or variables name is not in it */
export function flowTopics(flow: readonly FlowEntry[], id: string): FlowTopic[] {
  const entries = (flow as readonly Entry[]).filter(({ d }) => d !== true)
  const found = new Map<string, boolean>()
  const add = (topic: string, create: boolean): unknown =>
    topic.includes('$') || topic === '' ? undefined : found.set(topic, create || found.get(topic) === true)
  for (const user of entries.filter(({ cluster }) => cluster === id)) {
    const create = user.missingTopic === 'create'
    for (const topic of topicsOf(user)) add(topic, create)
    if (user.type !== 'tenant-kafka-producer' || textOr(user.topic, '') !== '') continue
    for (const { strategy, kafkaTopic } of routersBefore(user, entries))
      if (textOr(strategy, 'shared') === 'shared') add(textOr(kafkaTopic, 'iot-messages'), create)
  }
  return [...found].map(([topic, create]) => ({ topic, create })).sort((a, b) => (a.topic < b.topic ? -1 : 1))
}

function topicsOf({ type, topic, topics, target }: Entry): string[] {
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

/** The tenant topics from which wires lead to the producer. */
function routersBefore(producer: Entry, entries: readonly Entry[]): Entry[] {
  const before = new Set([producer.id])
  for (let size = 0; size !== before.size;) {
    size = before.size
    for (const { id, wires } of entries)
      if (Array.isArray(wires) && wires.flat().some((target) => before.has(String(target)))) before.add(id)
  }
  return entries.filter(({ id, type }) => type === 'tenant-topic' && before.has(id))
}

const textOr = (given: unknown, byDefault: string): string =>
  typeof given === 'string' && given !== '' ? given : byDefault
