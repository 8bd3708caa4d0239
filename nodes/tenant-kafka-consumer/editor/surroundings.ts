/** What the nodes around a consumer tell about it: which Kafka topics are written, and where its records become rows. */
import { textOf, type EditorNode } from '../../../editor/node'
import { downstreamOf } from '../../../editor/presets'
import { valueOf } from '../../../editor/form'
import { LEDGER_SINKS } from '../../../src/postgres/ledger/sink-name'

/**
 * The topics that this Node-RED writes for others to read: a producer's own, or those of `tenant-topic`. What the consumer
 * itself feeds does not count: it would read what it has written.
 * @returns `undefined` when names of devices decide
 */
export function writtenTopics(consumer: EditorNode): ReadonlySet<string> | undefined {
  const fed = new Set(downstreamOf(consumer).map(({ id }) => id))
  const producers: string[] = []
  const routers: EditorNode[] = []
  RED.nodes.eachNode((node) => {
    if (node.d === true || fed.has(node.id)) return
    if (node.type === 'tenant-kafka-producer') producers.push(textOf(node['topic']))
    if (node.type === 'tenant-topic') routers.push(node)
  })
  const topics = producers.filter((topic) => topic !== '')
  if (producers.length > 0 && topics.length === producers.length) return new Set(topics)
  if (routers.some(({ strategy }) => strategy === 'template')) return undefined
  return new Set([...topics, ...routers.map(({ kafkaTopic }) => textOf(kafkaTopic))])
}

export function onlyTopic(consumer: EditorNode): string | undefined {
  const [topic, ...others] = writtenTopics(consumer) ?? []
  return others.length === 0 ? topic : undefined
}

/** The database of the sinks that the consumer's records come to, if there is one. */
export function databaseOfSinks(consumer: EditorNode): string | undefined {
  const sinks = downstreamOf(consumer).filter(({ type }) => LEDGER_SINKS.includes(type))
  const [database, ...others] = new Set(sinks.map((sink) => textOf(sink['database'])))
  return others.length === 0 && database !== '' ? database : undefined
}

/** What may be an oversight: no database for the positions, or a topic that is written and not read. */
export function showHints(consumer: EditorNode): void {
  const toggle = (): void => {
    const database = valueOf('#node-input-database')
    $('#tenant-kafka-consumer-no-database').toggleClass(
      'tenant-pipeline-warning',
      database === '' || database === '_ADD_',
    )
    const read = valueOf('#node-input-topics')
      .split(',')
      .map((topic) => topic.trim())
    const written = [...(writtenTopics(consumer) ?? [])]
    const isOther =
      written.length > 0 && !read[0]?.startsWith('/') && !written.some((topic) => read.includes(topic))
    $('#tenant-kafka-consumer-other-topic')
      .text(consumer._('tenant-kafka-consumer.tip.otherTopic', { topics: written.join(', ') }))
      .toggle(isOther)
  }
  $('#node-input-database, #node-input-topics').on('change input', toggle)
  toggle()
}
