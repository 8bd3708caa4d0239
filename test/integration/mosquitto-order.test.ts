/**
 * Why a device that uses QoS 2 may be out of order behind an old Mosquitto, and why the fault tests ask for that order
 * only of a Mosquitto that keeps it. Nothing of this package takes part: a client that takes its time with PUBCOMP,
 * and two messages.
 *
 * Before 2.0.13 an acknowledgement which does not belong to one of the first (receive maximum) messages under way lets
 * the broker send one more, and takes none from the queue: the next message that is published is sent instead.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { connectAsync } from 'mqtt'
import { generate, parser, type IPublishPacket, type Packet } from 'mqtt-packet'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import { until } from '../support/until'

const RECEIVE_MAXIMUM = 4
const PUBLISHED = 24

/** A subscriber that answers only what the test asks for. */
class SlowSubscriber {
  readonly received: IPublishPacket[] = []
  private pongs = 0
  private connected = false

  private constructor(private readonly socket: Socket) {
    const packets = parser({ protocolVersion: 5 })
    packets.on('packet', (packet: Packet) => {
      if (packet.cmd === 'publish') this.received.push(packet)
      if (packet.cmd === 'pingresp') this.pongs++
      if (packet.cmd === 'suback') this.connected = true
    })
    socket.on('data', (bytes) => packets.parse(bytes))
  }

  static async connect(port: number): Promise<SlowSubscriber> {
    const socket = createConnection({ port, host: '127.0.0.1' })
    await once(socket, 'connect')
    const subscriber = new SlowSubscriber(socket)
    subscriber.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId: 'slow',
      clean: true,
      keepalive: 60,
      properties: { receiveMaximum: RECEIVE_MAXIMUM },
    })
    subscriber.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: 'order', qos: 2 }],
    })
    await until('the broker has subscribed us', () => subscriber.connected)
    return subscriber
  }

  /** PUBACK or PUBREC. */
  acknowledge({ qos, messageId }: IPublishPacket): void {
    this.send({ cmd: qos === 2 ? 'pubrec' : 'puback', messageId } as Packet)
  }

  complete({ messageId }: IPublishPacket): void {
    this.send({ cmd: 'pubcomp', messageId } as Packet)
  }

  /** Resolves when the broker has read all that we sent, and we all that it sent before its answer. */
  async settle(): Promise<void> {
    const before = this.pongs
    this.send({ cmd: 'pingreq' })
    await until('the broker answers a ping', () => this.pongs > before)
  }

  end(): void {
    this.socket.destroy()
  }

  private send(packet: Packet): void {
    this.socket.write(generate(packet, { protocolVersion: 5 }))
  }
}

describe('the order of messages behind Mosquitto, with QoS 2 and a slow client', () => {
  let broker: Mosquitto
  before(async () => {
    broker = await startMosquitto({ savesEveryChange: false })
  })
  after(() => broker?.stop())

  it('is kept by those of which the fault tests expect it, and by no others', async () => {
    const subscriber = await SlowSubscriber.connect(broker.port)
    const publisher = await connectAsync(broker.address, { clientId: 'publisher' })
    let published = 0
    const publish = async (qos: 1 | 2): Promise<void> => {
      await publisher.publishAsync('order', String(++published), { qos })
    }
    const { received } = subscriber

    for (let n = 0; n < PUBLISHED; n++) await publish(n < RECEIVE_MAXIMUM + 1 || n % 2 === 0 ? 2 : 1)
    await until('the window is full', () => received.length >= RECEIVE_MAXIMUM)
    subscriber.acknowledge(received[0] as IPublishPacket)
    subscriber.complete(received[0] as IPublishPacket)
    await subscriber.settle()

    // In order, as MQTT wants it; the PUBCOMPs take their time, and new messages come in.
    for (let at = 1; at < received.length && at < PUBLISHED; at++) {
      subscriber.acknowledge(received[at] as IPublishPacket)
      await subscriber.settle()
      await publish(2)
      await subscriber.settle()
    }
    assert.ok(received.length > RECEIVE_MAXIMUM, 'the queue has moved')
    const numbers = received.map(({ payload }) => Number(payload))
    const inOrder = numbers.every((number, at) => number === at + 1)
    assert.equal(inOrder, broker.keepsOrderWithQos2, `received ${numbers.join(' ')}`)

    await publisher.endAsync()
    subscriber.end()
  })
})
