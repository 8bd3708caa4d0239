/**
 * Which names may be a Kafka topic that we write to: the one rule for a template, for the topic of a node and for
 * `msg.kafka.topic`. Devices have a hand in such names, and clients use them as keys of objects: `__proto__` once wrote
 * into the prototype of every object of the process.
 */

/** Kafka's own rule (`org.apache.kafka.common.internals.Topic`). */
const MAX_LENGTH = 249
const CHARACTERS = /^[a-zA-Z0-9._-]+$/

/** What every object has, as `constructor` and `toString`. The names with `__` are refused with all of their kind. */
const BUILT_IN = new Set(Object.getOwnPropertyNames(Object.prototype))
const UNSAFE = [...BUILT_IN].filter((name) => !name.startsWith('__')).join('|')

/** Exactly the names for which `kafkaTopicProblem` finds nothing. */
export const KAFKA_TOPIC = new RegExp(`^(?!__|\\.{1,2}$|(?:${UNSAFE})$)[a-zA-Z0-9._-]{1,${MAX_LENGTH}}$`)

/** Why Kafka would not take this topic, or should not be given it; `undefined` when all is well. */
export function kafkaTopicProblem(topic: string): string | undefined {
  const problem = kafkaNameProblem(topic)
  if (problem !== undefined) return problem
  // Consumers leave all of these out when they read by a pattern, so no consumer would read them.
  if (topic.startsWith('__')) return `"${topic}" begins with "__", as the topics of Kafka itself do`
  return undefined
}

/** Why no topic can have this name, or no client can be asked for it. */
export function kafkaNameProblem(topic: string): string | undefined {
  if (topic === '') return 'a Kafka topic cannot be empty'
  if (topic === '.' || topic === '..') return `a Kafka topic cannot be "${topic}"`
  if (topic.length > MAX_LENGTH) return `a Kafka topic has at most ${MAX_LENGTH} characters`
  if (!CHARACTERS.test(topic)) {
    return `the Kafka topic ${JSON.stringify(topic)} has characters other than letters, digits, ".", "_" and "-"`
  }
  if (BUILT_IN.has(topic)) {
    return `"${topic}" is the name of a part that every JavaScript object has, and no safe name for a topic`
  }
  return undefined
}

/** Topics that Kafka makes for itself: leaving them out is no news. */
export const KAFKA_INTERNAL: ReadonlySet<string> = new Set([
  '__consumer_offsets',
  '__transaction_state',
  '__share_group_state',
  '__cluster_metadata',
])

/** Kafka keeps metrics by topic under a name without dots, so two topics must differ in more than `.` and `_`. */
export function collisionKey(topic: string): string {
  return topic.replaceAll('.', '_')
}
