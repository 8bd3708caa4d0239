/** M row: one packet that no request to Kafka can hold, among the messages of the other tenants. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { connectAsync } from 'mqtt'
import { until } from '../support/until'
import { faultRow } from './row'
import { Stage } from './stage'

const BYTES = 140_000_000

describe('a packet of 140 MB', function () {
  this.timeout(180_000)
  let stage: Stage
  before(async () => {
    stage = await Stage.start()
  })
  after(() => stage?.stop())

  faultRow(
    {
      id: 'M14',
      title:
        'a device publishes one packet of 140 MB: it becomes a dead letter, the others flow on, also after a restart',
      repeats: 'window',
      timeoutMs: 300_000,
    },
    () => stage,
    async ({ publisher }) => {
      const payload = Buffer.alloc(BYTES, 'one large message ')
      const device = await connectAsync(stage.mqtt.address)
      await device.publishAsync('mtic/msg/client/realtime/tenant-1/project-1/large', payload, { qos: 1 })
      await device.endAsync()
      await publisher.untilMore(500)
      await stage.nodeRed.kill('SIGKILL')
      await stage.nodeRed.start()
      await until(
        () => `it is a dead letter\n${stage.nodeRed.logTail()}`,
        async () => (await stage.deadLetters()).length > 0,
        { giveUpMs: 120_000, pollMs: 500 },
      )
      await publisher.untilMore(1000)
      const sha256 = createHash('sha256').update(payload).digest('hex')
      for (const { headers } of await stage.deadLetters()) {
        assert.equal(headers['dead-letter-payload-length'], String(BYTES))
        assert.equal(headers['dead-letter-payload-sha256'], sha256)
      }
    },
  )
})
