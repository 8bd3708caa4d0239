/** What a broker may send unasked: it becomes a message as it is, or ends one connection, never more. */
import assert from 'node:assert/strict'
import type { IPublishPacket } from 'mqtt-packet'
import type { MqttFields, WireRecord } from '../../src/wire/message'
import { encodeHeaders } from '../../src/record/record-headers'
import { helper, startRuntime, stopRuntime } from '../support/runtime'
import { startScriptedBroker, type ScriptedBroker } from '../support/scripted-broker'
import { SourceFlow } from '../support/source-flow'
import { until } from '../support/until'

describe('MQTT poison', () => {
  let broker: ScriptedBroker
  let flow: SourceFlow
  before(startRuntime)
  after(stopRuntime)
  afterEach(async () => {
    await helper.unload()
    await broker.stop()
  })

  /** A source that is sent these whenever it has subscribed. */
  async function start(...publish: Partial<IPublishPacket>[]): Promise<void> {
    const numbered = publish.map((packet, index) => ({ messageId: index + 1, ...packet }))
    broker = await startScriptedBroker({ publish: numbered })
    flow = await SourceFlow.start({ url: broker.address, name: 'poison', source: { topic: '#, $SYS/#' } })
  }

  const received = (): WireRecord[] => flow.sink.received as WireRecord[]
  const arrived = (count: number): Promise<void> =>
    until('all have arrived', () => received().length === count)

  it('emits topics as they are, however odd', async () => {
    const topics = ['a/+/#', '$SYS/broker', 'a//b', '/a/', '/', '\ufeff', ' ', 'a b', 't/'.repeat(32_767)]
    await start(...topics.map((topic) => ({ topic })))
    await arrived(topics.length)
    assert.deepEqual(
      received().map(({ topic }) => topic),
      topics,
    )
  })

  it('keeps user properties apart from its own fields', async () => {
    const large = 'x'.repeat(60_000)
    const userProperties = {
      tenant: 'other',
      'message-id': 'other',
      format: 'json',
      twice: ['a', 'b'],
      large,
    }
    await start({ payload: '1', properties: { userProperties: { ...userProperties, ['__proto__']: 'x' } } })
    await arrived(1)
    const [record] = received() as [MqttFields & WireRecord]
    const headers = encodeHeaders({ ...record, tenant: 'own' }, { messageId: 'own', receivedAt: 0 })
    assert.deepEqual(
      [
        headers['tenant'],
        headers['message-id'],
        headers['format'],
        headers['user-tenant'],
        headers['user-twice'],
      ],
      ['own', 'own', undefined, 'other', ['a', 'b']],
    )
    assert.equal(record.userProperties?.['large'], large)
    assert.equal(Object.getPrototypeOf({}), Object.prototype)
  })

  for (const [what, topicAlias] of [
    ['that was never given', 1],
    ['larger than allowed', 65_535],
    ['of zero', 0],
  ] as const) {
    it(`leaves a broker that uses a topic alias ${what}, and tries again`, async () => {
      await start({ topic: '', payload: 'x', properties: { topicAlias } }, { payload: 'y' })
      await until('it has connected again', () => broker.connects.length > 1)
      assert.ok(
        received().every(({ topic }) => topic === 't'),
        'no message without its topic',
      )
    })
  }

  it('emits messages that are about to expire', async () => {
    await start(
      { payload: '0', properties: { messageExpiryInterval: 0 } },
      { payload: '1', properties: { messageExpiryInterval: 1 } },
    )
    await arrived(2)
    assert.deepEqual(flow.payloads, ['0', '1'])
  })

  it('takes a first delivery with DUP for a message', async () => {
    await start({ payload: 'first', dup: true }, { payload: 'first', dup: false })
    await arrived(2)
  })

  it('emits a last will, and the empty message that clears a retained one', async () => {
    await start({ topic: 'will', payload: 'gone' }, { topic: 'kept', payload: '', retain: true })
    await arrived(2)
    assert.deepEqual(
      received().map(({ topic, payload, retain }) => [topic, String(payload), retain]),
      [
        ['will', 'gone', false],
        ['kept', '', true],
      ],
    )
    assert.ok(Buffer.isBuffer(received()[1]?.payload))
  })
})
