/**
 * Fields for a Kafka topic or a consumer group: they stay text, offer what the cluster has, and say below what it has of
 * this name. A cluster that is not deployed, or does not answer, offers nothing and says nothing.
 */
import { post } from './ask'
import { isVariable, textOf, type EditorNode } from './node'

interface Chooser {
  readonly node: EditorNode
  /** The selector of the field. */
  readonly field: string
  /** The id of the cluster's configuration node. */
  readonly cluster: () => string
}

export interface Topic {
  readonly name: string
  readonly partitions: number
}

interface Words {
  readonly text: string
  readonly isWarning: boolean
}

const CLUSTER = 'tenant-kafka-cluster'
const MAX_OFFERED = 50

/** The topics of a cluster. Rejects when it is not deployed, or does not answer. */
export async function topicsOf(cluster: string): Promise<readonly Topic[]> {
  return (await ask<{ readonly topics: readonly Topic[] }>(cluster, 'topics')).topics
}

/** The cluster that the dialog has chosen. */
export const chosenCluster = (): string => String($('#node-input-cluster').val() ?? '')

/** @param isCreated when the topic is missing, a node creates it */
export function chooseTopic(chooser: Chooser, isCreated: () => boolean): void {
  const { node } = chooser
  offer(chooser, listTopics(chooser.cluster))
  hint(chooser, async (name) => [
    await sizeOf(chooser, name, () =>
      warning(node._(isCreated() ? 'shared.kafka.missingCreated' : 'shared.kafka.missing')),
    ),
  ])
}

/**
 * Several topics, with commas between them, of a node that reads them.
 * @param written the topics that the flow writes; `undefined` when names of devices decide
 */
export function chooseTopics(chooser: Chooser, written: () => ReadonlySet<string> | undefined): void {
  const { node, cluster } = chooser
  offer(chooser, listTopics(cluster))
  hint(chooser, (list) => {
    if (list.startsWith('/')) return Promise.resolve([])
    const names = namesIn(list)
    const missing = (name: string): Words =>
      (written()?.has(name) ?? true)
        ? note(node._('shared.kafka.missingWritten'))
        : warning(node._('shared.kafka.missingUnwritten'))
    return Promise.all(
      names.map(async (name) => {
        const said = await sizeOf(chooser, name, () => missing(name))
        return names.length > 1 ? { ...said, text: `${name}: ${said.text}` } : said
      }),
    )
  })
}

/** @param topics the selector of the field with the topics that the group reads */
export function chooseGroup(chooser: Chooser, topics: string): void {
  const { node, cluster } = chooser
  offer(chooser, async () => {
    const { groups } = await ask<{ readonly groups: readonly string[] }>(cluster(), 'groups')
    return groups.map((name) => ({ name, beside: '' }))
  })
  hint(
    chooser,
    async (name) => {
      const group = await ask<{ readonly members: number; readonly topics: readonly string[] }>(
        cluster(),
        'groups/one',
        { name },
      )
      const mates = consumersOf(name, cluster())
      const own = namesIn(String($(topics).val() ?? ''))
      const ours = new Set([...own, ...mates.flatMap((mate) => namesIn(textOf(mate['topics'])))])
      const others = group.topics.filter((topic) => !ours.has(topic))
      // Each deployed consumer is a member itself.
      const count = group.members - mates.filter(({ changed }) => changed !== true).length
      return [
        ...(count > 0 ? [warning(node._('shared.kafka.groupShared', { count }))] : []),
        ...(others.length > 0
          ? [warning(node._('shared.kafka.groupElsewhere', { topics: others.slice(0, 3).join(', ') }))]
          : []),
        ...(own.some((topic) => group.topics.includes(topic))
          ? [note(node._('shared.kafka.groupResumes'))]
          : []),
      ]
    },
    topics,
  )
}

async function sizeOf({ node, cluster }: Chooser, name: string, missing: () => Words): Promise<Words> {
  const size = await ask<{ readonly partitions: number; readonly records: number }>(cluster(), 'topics/one', {
    name,
  })
  if (size.partitions === 0) return missing()
  const values = { partitions: size.partitions, records: size.records.toLocaleString() }
  return note(node._('shared.kafka.size', values))
}

const note = (text: string): Words => ({ text, isWarning: false })
const warning = (text: string): Words => ({ text, isWarning: true })

const namesIn = (list: string): string[] =>
  list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !isVariable(name))

// ---- the flow as it is drawn -------------------------------------------------------------------------------

function consumersOf(group: string, cluster: string): EditorNode[] {
  const found: EditorNode[] = []
  RED.nodes.eachNode((node) => {
    const isOne = node.type === 'tenant-kafka-consumer' && node['d'] !== true
    if (isOne && node['group'] === group && node['cluster'] === cluster) found.push(node)
  })
  return found
}

// ---- the field ---------------------------------------------------------------------------------------------

interface Offered {
  readonly name: string
  readonly beside: string
}

function listTopics(cluster: () => string): () => Promise<readonly Offered[]> {
  return async () =>
    (await topicsOf(cluster())).map(({ name, partitions }) => ({ name, beside: String(partitions) }))
}

/** Of several names the last one is completed. */
function offer({ field }: Chooser, list: () => Promise<readonly Offered[]>): void {
  $(field).autoComplete({
    minLength: 0,
    search: (typed, done) => {
      const [, before = '', last = ''] = /^(.*,\s*)?([^,]*)$/.exec(typed) ?? []
      list()
        .then((all) => {
          const fitting = all.filter(({ name }) => name.includes(last.trim()) && name !== last.trim())
          done(
            fitting.slice(0, MAX_OFFERED).map(({ name, beside }) => ({
              value: before + name,
              label: $('<div style="display: flex; justify-content: space-between; gap: 12px">').append(
                $('<span>').text(name),
                $('<span style="opacity: 0.6">').text(beside),
              ),
            })),
          )
        })
        .catch(() => done([]))
    },
  })
}

/** @param also the selector of another field on which it depends */
function hint({ field }: Chooser, say: (value: string) => Promise<readonly Words[]>, also = ''): void {
  const place = $('<div class="tenant-pipeline-hint" role="status">').hide()
  $(field).closest('.form-row').append(place)
  let asked = 0
  const look = (): void => {
    const value = String($(field).val() ?? '').trim()
    const turn = ++asked
    const show = (all: readonly Words[]): void => {
      if (turn !== asked) return
      const lines = all.map(({ text, isWarning }) =>
        $('<div>').toggleClass('tenant-pipeline-warning', isWarning).text(text),
      )
      place
        .empty()
        .append(lines)
        .toggle(lines.length > 0)
    }
    if (value === '' || isVariable(value)) return show([])
    say(value).then(show, () => show([]))
  }
  $([field, '#node-input-cluster', also].filter((each) => each !== '').join()).on('change', look)
  look()
}

async function ask<Answer>(cluster: string, action: string, question: object = {}): Promise<Answer> {
  if (cluster === '' || cluster === '_ADD_') throw new Error('no cluster is chosen')
  return (await post(`${CLUSTER}/${cluster}/${action}`, question)) as Answer
}
