/**
 * The contract with MQTT.js: what `deferred-acknowledgement.ts` relies on and MQTT.js does not promise. When this
 * fails after an update of `mqtt`, that file is to be adapted.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect, connectAsync, type IPublishPacket, type MqttClient } from 'mqtt'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import {
  deferAcknowledgements,
  writeAcknowledgements,
  type QoS,
} from '../../src/mqtt/connect/deferred-acknowledgement'
import { until } from '../support/until'

interface Subscriber {
  readonly client: MqttClient
  readonly packets: IPublishPacket[]
  readonly released: number[]
  readonly sent: string[]
}

describe('deferred acknowledgement', () => {
  let broker: Mosquitto
  let publisher: MqttClient
  let name = ''
  let open: MqttClient[] = []

  before(async () => {
    broker = await startMosquitto({ savesEveryChange: false })
    publisher = await connectAsync(broker.address, { protocolVersion: 5 })
  })
  after(async () => {
    await publisher.endAsync(true)
    await broker.stop()
  })
  beforeEach(() => (name = randomBytes(5).toString('hex')))
  afterEach(() => {
    for (const client of open.splice(0)) client.stream.destroy()
    open = []
  })

  async function subscribe(
    protocolVersion: 4 | 5,
    qos: QoS,
    { receiveMaximum = 100, hold = false } = {},
  ): Promise<Subscriber & { proceed: () => void }> {
    const client = connect(broker.address, {
      protocolVersion,
      clientId: name,
      clean: false,
      reconnectPeriod: 0,
      resubscribe: false,
      ...(protocolVersion === 5 && { properties: { receiveMaximum, sessionExpiryInterval: 3600 } }),
    })
    open.push(client)
    const subscriber = {
      client,
      packets: [] as IPublishPacket[],
      released: [] as number[],
      sent: [] as string[],
      proceed: () => undefined as void,
    }
    client.on('packetsend', ({ cmd }) => subscriber.sent.push(cmd))
    deferAcknowledgements(client, {
      onPublish: (packet, proceed) => {
        subscriber.packets.push(packet)
        if (hold) subscriber.proceed = proceed
        else proceed()
      },
      onPubrel: (packetId) => subscriber.released.push(packetId),
    })
    await new Promise((resolve) => client.once('connect', resolve))
    await client.subscribeAsync(name, { qos })
    return subscriber
  }

  const publish = (count: number, qos: QoS): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, (_, i) => publisher.publishAsync(name, String(i), { qos })))
  const texts = ({ packets }: Subscriber): string[] => packets.map(({ payload }) => payload.toString())
  const acknowledge = ({ client, packets }: Subscriber, count: number): boolean =>
    writeAcknowledgements(
      client,
      packets.slice(0, count).map(({ messageId, qos }) => ({ packetId: messageId as number, qos })),
    )

  for (const protocolVersion of [4, 5] as const) {
    for (const qos of [1, 2] as const) {
      it(`sends nothing for QoS ${qos} by itself, and what we write counts (version ${protocolVersion})`, async () => {
        const first = await subscribe(protocolVersion, qos)
        await publish(10, qos)
        await until('all have arrived', () => first.packets.length === 10)
        assert.ok(!first.sent.includes('puback') && !first.sent.includes('pubrec'))
        assert.equal(acknowledge(first, 4), true)
        if (qos === 2) {
          await until('the broker releases them', () => first.released.length === 4)
          await until('and gets its answer', () => first.sent.filter((cmd) => cmd === 'pubcomp').length === 4)
        } else {
          await publish(1, qos)
          await until('the broker continues', () => first.packets.length === 11)
        }
        first.client.stream.destroy()
        await until('the connection is gone', () => !first.client.connected)
        assert.equal(acknowledge(first, 4), false)

        const second = await subscribe(protocolVersion, qos)
        const expected = qos === 2 ? ['4', '5', '6', '7', '8', '9'] : ['4', '5', '6', '7', '8', '9', '0']
        await until('the rest has arrived again', () => second.packets.length >= expected.length)
        assert.deepEqual(texts(second), expected)
        assert.equal(second.packets[0]?.dup, true)
      })
    }
  }

  for (const qos of [0, 1, 2] as const) {
    it(`reads on only when it may (QoS ${qos})`, async () => {
      const subscriber = await subscribe(5, qos, { hold: true })
      await publish(3, qos)
      await until('the first has arrived', () => subscriber.packets.length === 1)
      // A ping goes to the broker and back, and is still not read: the parser stands.
      subscriber.client.sendPing()
      await publish(1, qos)
      assert.equal(subscriber.packets.length, 1)
      subscriber.proceed()
      await until('the second has arrived', () => subscriber.packets.length === 2)
    })
  }

  it('is not cut off when the broker exceeds the receive maximum with QoS 2', async () => {
    const first = await subscribe(5, 2, { receiveMaximum: 5 })
    await publish(50, 2)
    await until('the window is full', () => first.packets.length >= 5)
    first.client.stream.destroy()
    await until('the connection is gone', () => !first.client.connected)
    const second = await subscribe(5, 2, { receiveMaximum: 5 })
    let acknowledged = 0
    await until('all have arrived', () => {
      const next = second.packets.slice(acknowledged)
      acknowledged += next.length
      writeAcknowledgements(
        second.client,
        next.map(({ messageId }) => ({ packetId: messageId as number, qos: 2 as const })),
      )
      assert.ok(second.client.connected)
      return new Set(texts(second)).size === 50
    })
  })
})
