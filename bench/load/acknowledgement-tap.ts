/**
 * Sits between the MQTT broker and Node-RED, lets every byte through, and takes the time from a message's making to the
 * acknowledgement that Node-RED sends for it.
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Histogram } from '../report/histogram'
import { nowMicros, sentMicros } from './messages'
import { PacketCutter } from './packet-cutter'

const PUBLISH = 3
const PUBACK = 4
const QOS = 0b110

export class AcknowledgementTap {
  /** In milliseconds; a new one with each `reset`. */
  latency = new Histogram()
  private readonly sockets = new Set<Socket>()

  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {}

  static async open(broker: string): Promise<AcknowledgementTap> {
    const { hostname, port } = new URL(broker)
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const tap = new AcknowledgementTap(server, `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`)
    server.on('connection', (client) => tap.join(client, connect({ host: hostname, port: Number(port) })))
    return tap
  }

  reset(): void {
    this.latency = new Histogram()
  }

  close(): void {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
  }

  private join(client: Socket, broker: Socket): void {
    const sentById = new Map<number, number>()
    const fromBroker = new PacketCutter(PUBLISH, (packet, body) => {
      const sent = sentMicros(packet)
      if ((packet[0]! & QOS) === 0) return // without an id
      // After the topic, which begins with its length.
      const id = packet.readUInt16BE(body + 2 + packet.readUInt16BE(body))
      if (sent !== undefined) sentById.set(id, sent)
    })
    const fromClient = new PacketCutter(PUBACK, (packet, body) => {
      const id = packet.readUInt16BE(body)
      const sent = sentById.get(id)
      sentById.delete(id)
      if (sent !== undefined) this.latency.record((nowMicros() - sent) / 1000)
    })
    broker.on('data', (chunk: Buffer) => fromBroker.add(chunk))
    client.on('data', (chunk: Buffer) => fromClient.add(chunk))
    for (const [from, to] of [
      [broker, client],
      [client, broker],
    ] as const) {
      this.sockets.add(from)
      from.setNoDelay(true)
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        this.sockets.delete(from)
        to.destroy()
      })
    }
  }
}
