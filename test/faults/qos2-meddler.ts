/**
 * Sits between the source and a real broker, and makes QoS 2 hard: repeats a PUBLISH before its PUBREC has come and
 * again after it, and sends PUBREL for packet ids that are not in use. What the source answers to these is kept from the
 * broker, which knows nothing of them.
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { generate, parser, type IPublishPacket, type Packet } from 'mqtt-packet'

const LOOPBACK = '127.0.0.1'
const OPTIONS = { protocolVersion: 5 }
/** A broker gives its ids in turn, and has few in use at a time: these are far from them. */
const ID_DISTANCE = 30_000
const MAX_ID = 65_535
const EVERY = 5

export class Qos2Meddler {
  /** Repetitions before a PUBREC, and after it. */
  repeatedBefore = 0
  repeatedAfter = 0
  /** PUBREL of ids that are not in use, and the PUBCOMP that came back. */
  unknownReleased = 0
  unknownCompleted = 0
  /** Packet ids of PUBREL that have had no PUBCOMP so far. */
  readonly unknownUnanswered = new Set<number>()
  private readonly sockets = new Set<Socket>()

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {
    server.on('connection', (client) => this.accept(client))
  }

  static async start(target: number): Promise<Qos2Meddler> {
    const server = createServer()
    server.listen(0, LOOPBACK)
    await once(server, 'listening')
    return new Qos2Meddler(server, target)
  }

  get url(): string {
    return `mqtt://${LOOPBACK}:${(this.server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
    await once(this.server, 'close')
  }

  private accept(client: Socket): void {
    const broker = connect(this.target, LOOPBACK)
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.sockets.delete(socket)
        // What was written last still arrives.
        other.end()
      })
    }
    /** Repeated, and waiting for the PUBREC; the second one of an id is ours. */
    const open = new Map<number, IPublishPacket>()
    const answeredTwice = new Set<number>()
    let seen = 0
    const toClient = (packet: Packet): unknown => client.write(generate(packet, OPTIONS))
    const toBroker = (packet: Packet): unknown => broker.write(generate(packet, OPTIONS))

    const down = parser(OPTIONS).on('packet', (packet) => {
      toClient(packet)
      if (packet.cmd !== 'publish' || packet.qos !== 2 || seen++ % EVERY > 0) return
      const again = { ...packet, dup: true }
      toClient(again)
      this.repeatedBefore++
      const id = packet.messageId as number
      open.set(id, again)
      const unknownId = ((id + ID_DISTANCE) % MAX_ID) + 1
      this.unknownUnanswered.add(unknownId)
      toClient({ cmd: 'pubrel', messageId: unknownId, reasonCode: 0 })
      this.unknownReleased++
    })
    const up = parser(OPTIONS).on('packet', (packet) => {
      const id = 'messageId' in packet ? (packet.messageId ?? 0) : 0
      if (packet.cmd === 'pubcomp' && this.unknownUnanswered.delete(id)) {
        this.unknownCompleted++
        return
      }
      if (packet.cmd === 'pubrec') {
        if (answeredTwice.delete(id)) return
        const again = open.get(id)
        if (again !== undefined) {
          open.delete(id)
          answeredTwice.add(id)
          toClient(again)
          this.repeatedAfter++
        }
      }
      toBroker(packet)
    })
    broker.on('data', (bytes) => down.parse(bytes))
    client.on('data', (bytes) => up.parse(bytes))
  }
}
