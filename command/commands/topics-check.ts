/** `topics check`: whether topics are there, and have what their records need to be safe. For CI: nothing is changed. */
import { flag, integer, text } from '../../src/config/options'
import type { TopicDescription } from '../../src/kafka/driver'
import { topicWarnings } from '../../src/kafka/topics/topic-check'
import { options as producer } from '../../nodes/tenant-kafka-producer/options'
import { command, EXIT } from '../command'
import { CONNECTION_OPTIONS, Flow } from '../connections/flow'
import { withKafka } from '../connections/open'
import { parseDuration, shownDuration } from '../duration'
import { TOPIC_OPTIONS, wantedTopics } from './wanted-topics'

const least = (unit: string) => integer({ default: 0, min: 0, max: 10_000, unit })

interface Wanted {
  readonly partitions: number
  readonly replicas: number
  readonly minIsr: number
  readonly retentionMs: number
}

export const topicsCheck = command({
  details: [
    'Looks at the Kafka topics that the messages of these tenants and projects go to. It fails when one is missing, or ' +
      'has less than you ask for. What is unsafe about a topic besides, such as a single replica, is a warning. It ' +
      'creates and changes nothing.',
  ],
  options: {
    ...TOPIC_OPTIONS,
    partitions: { reads: least('partitions'), value: 'N', what: 'the least number of partitions' },
    replicas: { reads: least('replicas'), value: 'N', what: 'the least number of replicas' },
    'min-isr': { reads: least('replicas'), value: 'N', what: 'the least min.insync.replicas' },
    retention: { reads: text(), value: 'TIME', what: 'the least time that records are kept: 72h, 3d' },
    strict: { reads: flag(false), value: '', what: 'a warning counts as a failure' },
    json: { reads: flag(false), value: '', what: 'writes JSON' },
    ...CONNECTION_OPTIONS,
  },
  run: async (values, { outlet, environment }) => {
    const flow = Flow.open(values, { outlet, environment })
    const topics = wantedTopics(values, flow, environment)
    const wanted: Wanted = {
      partitions: values.partitions,
      replicas: values.replicas,
      minIsr: values['min-isr'],
      retentionMs: parseDuration('retention', values.retention) ?? 0,
    }
    const found = await withKafka(flow, async (cluster) => {
      const each: {
        topic: string
        description: TopicDescription | undefined
        failures: string[]
        warnings: string[]
      }[] = []
      for (const topic of topics) {
        const description = await cluster.admin.describeTopic(topic)
        const failures = description === undefined ? ['it is missing'] : shortcomings(description, wanted)
        const warnings =
          description === undefined ? [] : topicWarnings(description, producer.batchBytes.default)
        each.push({ topic, description, failures, warnings })
      }
      return each
    })
    const ok = found.every(
      ({ failures, warnings }) => failures.length === 0 && !(values.strict && warnings.length > 0),
    )
    if (values.json) outlet.json({ ok, topics: found })
    else
      for (const { topic, description, failures, warnings } of found) {
        const has = description === undefined ? '' : ` (${shownOf(description)})`
        outlet.line(`${failures.length === 0 ? 'ok     ' : 'FAILED '} ${topic}${has}`)
        for (const failure of failures) outlet.line(`          ${failure}`)
        for (const warning of warnings) outlet.line(`          WARNING ${warning}`)
      }
    return ok ? EXIT.fine : EXIT.failed
  },
})

function shortcomings(description: TopicDescription, wanted: Wanted): string[] {
  const { partitions, replicas, minInSyncReplicas, retentionMs } = description
  const failures: string[] = []
  const atLeast = (what: string, has: number | undefined, least: number): void => {
    if (least === 0) return
    if (has === undefined) failures.push(`${what}: this user may not read it (DescribeConfigs)`)
    else if (has < least) failures.push(`${what}: ${has}, at least ${least} wanted`)
  }
  atLeast('partitions', partitions, wanted.partitions)
  atLeast('replicas', replicas, wanted.replicas)
  atLeast('min.insync.replicas', minInSyncReplicas, wanted.minIsr)
  // -1 keeps records indefinitely.
  if (retentionMs === undefined || retentionMs >= 0) atLeast('retention.ms', retentionMs, wanted.retentionMs)
  return failures
}

function shownOf({ partitions, replicas, minInSyncReplicas, retentionMs }: TopicDescription): string {
  const kept = retentionMs === undefined ? '?' : retentionMs < 0 ? 'indefinitely' : shownDuration(retentionMs)
  return `partitions ${partitions}, replicas ${replicas}, min ISR ${minInSyncReplicas ?? '?'}, kept ${kept}`
}
