import { drainQueue, firstLeg, recordsIn } from '../first-leg'
import { patiently } from '../patiently'
import { defineRow, type Measuring, type Side } from '../row'
import { startNodeRed } from '../subjects/node-red'

interface TopicsSide extends Side {
  readonly topics: number
}

/** Counting all topics would be more work than what is measured: messages go to them in turn, so a sample stands for all of them. */
const SAMPLES = 4
const side = (topics: number): TopicsSide => ({
  name: `${topics.toLocaleString('en-US')} ${topics === 1 ? 'topic' : 'topics'}`,
  topics,
})

export const growthTopics = defineRow<TopicsSide>({
  name: 'growth-topics',
  title: '4 Kafka topics',
  rounds: 3,
  measures:
    '200,000 queued messages into 1 to 1,000 Kafka topics, one per tenant, of one partition each; first leg in batches, Node-RED 5.',
  reference: ['1 topic'],
  sides: [side(1), { ...side(100), quick: true }, side(1000)],
  targets: [{ side: '1,000 topics', figure: 'rate', atLeast: 30_000 }],
  open: (measuring) => {
    const prefixes = new Map<number, string>()
    const prefixOf = async (topics: number, { stage }: Measuring): Promise<string> => {
      const prefix = prefixes.get(topics) ?? (await makeTopics(stage, topics))
      prefixes.set(topics, prefix)
      return prefix
    }
    const messages = measuring.size(200_000, 20_000)
    return Promise.resolve(async ({ topics }, now) => {
      const prefix = await prefixOf(topics, now)
      const samples = Array.from({ length: Math.min(SAMPLES, topics) }, (_, at) => at)
      const count = async (): Promise<number> => {
        const each = await Promise.all(
          samples.map((tenant) => recordsIn(now.stage, `${prefix}.tenant${tenant}`)),
        )
        return each.reduce((sum, records) => sum + records, 0) * (topics / samples.length)
      }
      const before = await count()
      const change = {
        'tenant-mqtt-source': { mode: 'batch' },
        'tenant-topic': { strategy: 'template', topicTemplate: `${prefix}.{tenant}` },
      }
      return drainQueue(now, {
        messages,
        tenants: topics,
        count: async () => (await count()) - before,
        start: ({ mqtt, topic }) =>
          startNodeRed(now.stage, { mqtt, version: '5', flow: firstLeg(topic, change) }),
      })
    })
  },
})

/** Removed at the end of the row. @returns what their names begin with */
async function makeTopics(stage: Measuring['stage'], count: number): Promise<string> {
  const { admin } = await stage.kafka()
  const prefix = stage.name()
  const names = Array.from({ length: count }, (_, tenant) => `${prefix}.tenant${tenant}`)
  const topics = names.map((topic) => ({ topic, numPartitions: 1, replicationFactor: 1 }))
  await patiently(() => admin.createTopics({ waitForLeaders: true, timeout: 60_000, topics }))
  stage.onRowEnd(() => admin.deleteTopics({ topics: names, timeout: 60_000 }).catch(() => undefined))
  return prefix
}
