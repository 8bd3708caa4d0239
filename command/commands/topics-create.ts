/** `topics create`: Kafka topics for tenants before their first message, with the settings that the nodes give new topics. */
import { flag, integer, text } from '../../src/config/options'
import { newTopicOptions, replicasFor, type TopicPlan } from '../../src/kafka/topics/topic-plan'
import { PipelineError } from '../../src/wire/errors'
import { usage } from '../arguments'
import { command, EXIT } from '../command'
import { CONNECTION_OPTIONS, Flow } from '../connections/flow'
import { withKafka } from '../connections/open'
import { parseDuration, shownDuration } from '../duration'
import { TOPIC_OPTIONS, wantedTopics } from './wanted-topics'

const { partitions, replicas } = newTopicOptions()
const KEEP_ALWAYS = 'unlimited'

export const topicsCreate = command({
  details: [
    'Creates the Kafka topics that the messages of these tenants and projects go to, and leaves topics alone that are ' +
      'there. The names come from the template of the tenant topic nodes, with the same rules. Records are deleted by ' +
      'age alone, never compacted.',
  ],
  options: {
    ...TOPIC_OPTIONS,
    partitions: { reads: partitions, value: 'N', what: 'partitions of a new topic' },
    replicas: {
      reads: { ...replicas, default: replicas.ofNewNode ?? replicas.default },
      value: 'N',
      what: 'replicas of a new topic; 0: three, or one for each broker when there are fewer',
    },
    'min-isr': {
      reads: integer({ default: 0, min: 0, max: 10, unit: 'replicas' }),
      value: 'N',
      what: 'how many replicas have a record before it counts as stored; 0: two of three',
    },
    retention: {
      reads: text({ default: '3d' }),
      value: 'TIME',
      what: 'how long a new topic keeps records: 72h, 3d, unlimited',
    },
    'dry-run': { reads: flag(false), value: '', what: 'only says what would be created' },
    json: { reads: flag(false), value: '', what: 'writes JSON' },
    ...CONNECTION_OPTIONS,
  },
  run: async (values, { outlet, environment }) => {
    const flow = Flow.open(values, { outlet, environment })
    const topics = wantedTopics(values, flow, environment)
    const minIsr = values['min-isr']
    const plan: TopicPlan = {
      partitions: values.partitions,
      replicas: values.replicas,
      retentionMs:
        values.retention === KEEP_ALWAYS ? -1 : (parseDuration('retention', values.retention) ?? -1),
      ...(minIsr > 0 && { minInSyncReplicas: minIsr }),
    }
    const created = new Set<string>()
    const outcomes: {
      topic: string
      outcome: 'created' | 'missing' | 'there' | 'failed'
      reason?: string
    }[] = []
    await withKafka(
      flow,
      async (cluster) => {
        const existing = await cluster.topicNames()
        const count = plan.replicas === 0 ? replicasFor(await cluster.admin.brokerCount()) : plan.replicas
        if (minIsr > count)
          throw usage(`--min-isr ${minIsr} is more than the replicas of a topic here, which are ${count}`)
        for (const topic of topics) {
          if (existing.has(topic)) outcomes.push({ topic, outcome: 'there' })
          else if (values['dry-run']) outcomes.push({ topic, outcome: 'missing' })
          else
            try {
              const twin = await cluster.twinOf(topic)
              if (twin !== undefined) throw twins(topic, twin)
              await cluster.ensureTopic(topic, plan)
              outcomes.push({ topic, outcome: created.has(topic) ? 'created' : 'there' })
            } catch (error) {
              if (!(error instanceof PipelineError) || error.retryable) throw error
              outcomes.push({ topic, outcome: 'failed', reason: error.message })
            }
        }
      },
      ({ topic }) => created.add(topic),
    )
    const ok = !outcomes.some(({ outcome }) => outcome === 'failed')
    if (values.json) outlet.json({ ok, topics: outcomes })
    else {
      for (const { topic, outcome, reason } of outcomes)
        outlet.line(`${SAYS[outcome]} ${topic}${reason === undefined ? '' : `: ${reason}`}`)
      const { partitions: each, retentionMs } = plan
      const kept = retentionMs < 0 ? 'indefinitely' : `for ${shownDuration(retentionMs)}`
      outlet.note(`new topics have ${each} partitions and keep records ${kept}`)
    }
    return ok ? EXIT.fine : EXIT.failed
  },
})

const SAYS = {
  created: 'created      ',
  missing: 'would create ',
  there: 'is there     ',
  failed: 'FAILED       ',
} as const

function twins(topic: string, twin: string): PipelineError {
  const why = `Kafka cannot have it beside ${twin}: they differ only in "." and "_"`
  return new PipelineError('KAFKA_INVALID_TOPIC', `${topic}: ${why}`, { retryable: false })
}
