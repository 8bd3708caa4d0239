/** The part of the dialog that shows, as one types, what the node would do with MQTT topics. */
import { asker } from '../../../editor/ask'
import { valueOf } from '../../../editor/form'
import { topicsOf } from '../../../editor/kafka-chooser'
import { isVariable, textOf, type EditorNode } from '../../../editor/node'
import { options } from '../../../editor/options'
import { nodesAlong } from '../../../editor/wires'
import { readOptions, type OptionTable } from '../../../src/config/options'
import type { TopicRouterOptions } from '../../../src/tenant/topic-router'
import { linesOf, partitionOf, tryTopics, type TriedTopic } from './tried-topics'

const type = 'tenant-topic'
const FIELDS = [
  ...['pattern', 'allowedTenant', 'allowedProject', 'strategy', 'kafkaTopic', 'topicTemplate', 'keyTemplate'],
] as const
/** Which of the fields the other strategy uses. */
const UNUSED: Readonly<Record<string, string>> = { shared: 'topicTemplate', template: 'kafkaTopic' }
/** Between a change and the question how many partitions a Kafka topic has. */
const PAUSE_MS = 300

export function editTry(node: EditorNode): void {
  const place = $('#tenant-topic-try')
  const results = $('<div id="tenant-topic-tried">')
  const answer = $('<div>')
  const text = $<HTMLTextAreaElement>('<textarea id="tenant-topic-try-topics" rows="3" spellcheck="false">')
    .attr('placeholder', node._('tenant-topic.try.placeholder'))
    .css({ width: '100%', boxSizing: 'border-box', fontFamily: 'monospace', resize: 'vertical' })
  const seen = $(
    '<button type="button" class="red-ui-button red-ui-button-small" id="tenant-topic-try-seen">',
  )
    .text(node._('tenant-topic.try.seen'))
    .css({ float: 'right' })
  const label = $('<label for="tenant-topic-try-topics">').css({ width: 'auto' })
  label.append('<i class="fa fa-flask"></i> ', $('<span>').text(node._('tenant-topic.try.label')))
  place.empty().append($('<div>').css({ marginBottom: 4 }).append(label, seen), text, answer, results)

  const ask = asker(type, node, answer, 'tenant-topic.try.noAnswer')
  const partitions = knownPartitions(node, () => show())
  const show = (): void => {
    const topics = linesOf(String(text.val()))
    results.empty().css({ marginTop: 8 })
    if (topics.length === 0) return
    const values = valuesOfDialog()
    if (Object.values(values).some(isVariable)) {
      results.text(node._('tenant-topic.try.variable'))
      return
    }
    try {
      const settings = readOptions(TABLE, values) as unknown as TopicRouterOptions
      const tried = tryTopics(settings, topics, { reserved: reservedBy(node) })
      partitions.ask(tried)
      results.append(tried.map((one) => resultOf(node, one, partitions.of)))
    } catch (refused) {
      results.append(problem((refused as Error).message))
    }
  }

  text.on('input', show)
  $(FIELDS.map((name) => `#node-input-${name}`).join(', ')).on('input change', show)
  seen.on('click', () =>
    ask('seen', {}, ({ topics }: { readonly topics: readonly string[] }) => {
      if (topics.length === 0) answer.text(node._('tenant-topic.try.noneSeen'))
      else text.val([...new Set(topics)].join('\n')).trigger('input')
    }),
  )
}

/** What is in a field that the strategy does not use does not matter. */
function valuesOfDialog(): Record<string, string> {
  const unused = UNUSED[valueOf('#node-input-strategy')]
  return Object.fromEntries(
    FIELDS.map((name) => [name, name === unused ? '' : valueOf(`#node-input-${name}`)]),
  )
}

const TABLE = Object.fromEntries(FIELDS.map((name) => [name, options[type]?.[name]])) as OptionTable

/** Kafka topics that other nodes of this Node-RED write to for all tenants. */
function reservedBy(node: EditorNode): string[] {
  const topics: string[] = []
  RED.nodes.eachNode((other) => {
    if (other.id === node.id) return
    if (other.type === type && other.strategy !== 'template') topics.push(textOf(other.kafkaTopic))
    if (other.type === 'tenant-kafka-producer') topics.push(textOf(other.topic))
    if (other.type === 'tenant-dead-letter' && other.target !== 'table') topics.push(textOf(other.topic))
  })
  return topics
}

const problem = (sentence: string): JQuery =>
  $('<div>').text(sentence).css({ color: 'var(--red-ui-text-color-error)', overflowWrap: 'anywhere' })

function resultOf(
  node: EditorNode,
  { topic, result }: TriedTopic,
  partitionsOf: (kafkaTopic: string) => number | undefined,
): JQuery {
  const head = $('<div>').text(topic).css({ fontFamily: 'monospace', overflowWrap: 'anywhere' })
  const place = $('<div class="tenant-topic-result">').css({ marginBottom: 8 }).append(head)
  if ('reason' in result) return place.append(problem(result.reason))
  const parts: [label: string, value: string][] = [
    ...Object.entries(result.levels),
    [node._('tenant-topic.try.kafkaTopic'), result.kafkaTopic],
    [node._('tenant-topic.try.key'), result.key],
  ]
  const partitions = partitionsOf(result.kafkaTopic)
  if (partitions !== undefined)
    parts.push([node._('tenant-topic.try.partition'), String(partitionOf(result, partitions))])
  return place.append(
    $('<div>')
      .css({ display: 'flex', flexWrap: 'wrap', columnGap: 12 })
      .append(
        parts.map(([name, value]) =>
          $('<span>')
            .css({ overflowWrap: 'anywhere' })
            .append(
              $('<span>').text(`${name} `).css({ color: 'var(--red-ui-secondary-text-color)' }),
              $('<b>').text(value),
            ),
        ),
      ),
  )
}

/**
 * How many partitions Kafka topics have, as the cluster says to which a producer downstream writes.
 * @param onKnown something is known that was not before
 */
function knownPartitions(
  node: EditorNode,
  onKnown: () => void,
): {
  readonly ask: (tried: readonly TriedTopic[]) => void
  readonly of: (kafkaTopic: string) => number | undefined
} {
  const known = new Map<string, number>()
  const asked = new Set<string>()
  let pause: number | undefined
  const cluster = (): string =>
    textOf(
      nodesAlong(node, 'downstream').find((other) => other.type === 'tenant-kafka-producer' && !other.topic)
        ?.cluster,
    )
  const request = (wanted: readonly string[]): void => {
    for (const topic of wanted) asked.add(topic)
    topicsOf(cluster()).then(
      (topics) => {
        for (const { name, partitions } of topics) known.set(name, partitions)
        if (wanted.some((topic) => known.has(topic))) onKnown()
      },
      // Without an answer no partition is shown.
      () => undefined,
    )
  }
  return {
    of: (kafkaTopic) => known.get(kafkaTopic),
    ask(tried) {
      const topics = tried.flatMap(({ result }) => ('reason' in result ? [] : [result.kafkaTopic]))
      const open = [...new Set(topics)].filter((topic) => !asked.has(topic))
      window.clearTimeout(pause)
      if (open.length > 0) pause = window.setTimeout(() => request(open), PAUSE_MS)
    },
  }
}
