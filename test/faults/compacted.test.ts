/** K row: the topic keeps the newest record of each key, that is, of each device. */
import { ConfigResourceTypes } from 'kafkajs'
import { withAdmin } from '../support/kafka'
import { until } from '../support/until'
import { faultRow } from './row'
import { Stage, TOPIC } from './stage'

const COMPACTED = { 'cleanup.policy': 'compact', 'segment.ms': '500', 'min.cleanable.dirty.ratio': '0.01' }

describe('a compacted topic', function () {
  this.timeout(120_000)
  let stage: Stage
  before(async () => {
    stage = await Stage.start({ topic: { config: COMPACTED }, kafka: { 'log.cleaner.backoff.ms': '500' } })
  })
  after(() => stage?.stop())

  faultRow(
    {
      id: 'K28',
      title: 'the topic is compacted: reported when the producer is deployed; nothing is lost once it is not',
      reportedLoss: true,
      timeoutMs: 240_000,
    },
    () => stage,
    async (run) => {
      await until(
        () => `the log says so\n${stage.nodeRed.logTail()}`,
        () => stage.nodeRed.logTail(1000).includes(`${TOPIC} is compacted (cleanup.policy=compact)`),
      )
      await until(
        'Kafka has deleted records that were acknowledged',
        async () => {
          const offsets = (await stage.records()).map(({ partition, offset }) => partition * 1e12 + offset)
          return offsets.some(
            (offset, at) => at > 0 && offset - (offsets[at - 1] ?? 0) > 1 && offset % 1e12 > 0,
          )
        },
        { giveUpMs: 120_000, pollMs: 500 },
      )
      const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }]
      const resource = { type: ConfigResourceTypes.TOPIC, name: TOPIC, configEntries }
      await withAdmin(stage.kafka.address, (admin) =>
        admin.alterConfigs({ validateOnly: false, resources: [resource] }),
      )
      run.lossEnded()
    },
  )
})
