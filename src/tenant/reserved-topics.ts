/**
 * Kafka topics that names of devices must not lead to: the dead letters and the shared topics of this pipeline, and what
 * Kafka's tools keep for themselves. A device could otherwise put dead letters, schemas or a connector's settings among
 * the messages of others, by its name alone.
 */

/** What our nodes write to by default; they may run in another Node-RED. */
const OUR_DEFAULTS = ['iot-messages', 'iot-dead-letters']
/** Schema Registry and Confluent's services (`_schemas`, `_confluent-metrics`), Kafka Connect, MirrorMaker. */
const OF_TOOLS = /^_[^.]*$|(?:^|[-_])connect-(?:configs|offsets|status)$|^heartbeats$/

/** The topics that nodes of this Node-RED name themselves, with the number of nodes. */
const own = new Map<string, number>()

/** A node writes to this topic, whatever devices say. @returns takes it back */
export function reserveTopic(topic: string): () => void {
  own.set(topic, (own.get(topic) ?? 0) + 1)
  let isReserved = true
  return () => {
    if (!isReserved) return
    isReserved = false
    const nodes = (own.get(topic) ?? 1) - 1
    if (nodes === 0) own.delete(topic)
    else own.set(topic, nodes)
  }
}

/** Why a template must not lead here, whatever its text. Nodes come and go, so ask for each message. */
export function ownTopicProblem(topic: string): string | undefined {
  if (!own.has(topic) && !OUR_DEFAULTS.includes(topic)) return undefined
  return `"${topic}" is a topic that the nodes of this pipeline write to for all tenants`
}

/** Why a template that has no letters or digits of its own must not lead here. */
export function toolTopicProblem(topic: string): string | undefined {
  if (!OF_TOOLS.test(topic)) return undefined
  return (
    `"${topic}" looks like a topic that Kafka's tools keep for themselves. If it is a tenant's, put a text of your own into ` +
    'the template, such as "iot.{tenant}", or list the tenants that are allowed: "acme|north"'
  )
}
