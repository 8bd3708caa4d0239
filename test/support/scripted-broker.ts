/** An MQTT broker that answers as the test says: for refusals and limits that no real broker can be configured to have. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import {
  generate,
  parser,
  type IConnackPacket,
  type IConnectPacket,
  type IPublishPacket,
  type ISubscribePacket,
  type Packet,
} from 'mqtt-packet'

export interface Script {
  /** Added to a CONNACK that accepts. */
  readonly connack?: Partial<IConnackPacket>
  /** The answer to each filter of a SUBSCRIBE; without it the QoS that was asked for. */
  readonly granted?: number
  /** Versions of MQTT in which a CONNECT gets no answer, or the connection is closed. */
  readonly mute?: readonly number[]
  readonly closes?: readonly number[]
  /** Of a session that is there: sent after a CONNACK. */
  readonly backlog?: readonly Partial<IPublishPacket>[]
  /** Sent once in each connection, after its first SUBACK. */
  readonly publish?: readonly Partial<IPublishPacket>[]
}

export interface ScriptedBroker {
  readonly address: string
  readonly connects: readonly IConnectPacket[]
  readonly subscribes: readonly ISubscribePacket[]
  /** Packet ids that were acknowledged. */
  readonly acknowledged: readonly number[]
  /** Ends all connections without a word. */
  cut(): void
  stop(): Promise<void>
}

export async function startScriptedBroker({
  connack,
  granted,
  mute = [],
  closes = [],
  backlog = [],
  publish = [],
}: Script): Promise<ScriptedBroker> {
  const connects: IConnectPacket[] = []
  const subscribes: ISubscribePacket[] = []
  const acknowledged: number[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    let protocolVersion: number | undefined
    let hasPublished = false
    const send = (packet: Packet): unknown =>
      socket.write(generate(packet, { protocolVersion: protocolVersion ?? 4 }))
    const sendAll = (messages: readonly Partial<IPublishPacket>[]): void => {
      for (const each of messages) {
        send({ cmd: 'publish', topic: 't', payload: '', qos: 1, dup: false, retain: false, ...each })
      }
    }
    const answer = (packet: Packet): void => {
      if (packet.cmd === 'connect') {
        connects.push(packet)
        protocolVersion = packet.protocolVersion
        if (closes.includes(protocolVersion ?? 4)) return void socket.destroy()
        if (mute.includes(protocolVersion ?? 4)) return
        send({ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: false, ...connack })
        sendAll(backlog)
      } else if (packet.cmd === 'subscribe') {
        subscribes.push(packet)
        const answers = packet.subscriptions.map(({ qos }) => granted ?? qos)
        send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: answers })
        // Each filter comes in its own packet, and the broker's own counters on their own connection.
        const isCounter = packet.subscriptions.some(({ topic }) => topic.startsWith('$SYS/broker/'))
        if (!hasPublished && !isCounter) sendAll(publish)
        hasPublished = true
      } else if (packet.cmd === 'puback') {
        acknowledged.push(packet.messageId ?? 0)
      } else if (packet.cmd === 'pingreq') {
        send({ cmd: 'pingresp' })
      }
    }
    const read = parser()
    read.on('packet', answer)
    socket.on('data', (bytes) => read.parse(bytes))
  })
  const cut = (): void => sockets.forEach((socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connects,
    subscribes,
    acknowledged,
    cut,
    stop: async () => {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}
