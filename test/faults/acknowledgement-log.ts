/**
 * Which messages the source has acknowledged to the MQTT broker, and when, read along at the proxy between them. The
 * publisher's log tells what the broker has promised; this one tells what we have.
 */
import { parser as packetParser, type Packet } from 'mqtt-packet'
import { until } from '../support/until'
import type { Direction, Rewrite } from './fault-proxy'
import { idIn } from './oracle'
import type { Stage } from './stage'

interface Acknowledgement {
  readonly id: string
  /** In milliseconds since 1970, when the PUBACK or PUBREC came by. */
  readonly at: number
}

/** One connection. */
interface Conversation {
  /** Sent by the broker and not acknowledged: the message's id by its packet id. */
  readonly open: Map<number, string>
  readonly parse: Record<Direction, (bytes: Buffer) => unknown>
}

export class AcknowledgementLog {
  readonly acknowledged: Acknowledgement[] = []
  /** Packet ids that were acknowledged on a connection where nothing waited for it. */
  readonly stray: number[] = []
  private readonly conversations = new Map<object, Conversation>()
  private latest: Conversation | undefined

  private constructor(private readonly stage: Stage) {}

  /** Begins with a new connection, so that no packet is seen in part only. */
  static async start(stage: Stage): Promise<AcknowledgementLog> {
    const log = new AcknowledgementLog(stage)
    const { mqttProxy } = stage
    const { accepted } = mqttProxy
    mqttProxy.rewrite = log.rewrite
    mqttProxy.reset()
    await until('the source has connected again', () => mqttProxy.accepted > accepted)
    return log
  }

  /** What waits for its acknowledgement on the newest connection that was answered: the message's id by its packet id. */
  get open(): ReadonlyMap<number, string> {
    return this.latest?.open ?? new Map<number, string>()
  }

  /**
   * Nothing may be acknowledged before Kafka has it. An acknowledgement that was meant for an older message with the
   * same packet id comes too early as well.
   * @returns what was acknowledged and is not in Kafka, or came there later only
   */
  async tooEarly(): Promise<string[]> {
    const acknowledged = [...this.acknowledged]
    const appendedAt = new Map<string, number>()
    for (const record of await this.stage.records()) {
      const id = idIn(record) ?? ''
      appendedAt.set(id, Math.min(record.appendedAt, appendedAt.get(id) ?? Infinity))
    }
    return acknowledged.filter(({ id, at }) => (appendedAt.get(id) ?? Infinity) > at).map(({ id }) => id)
  }

  private readonly rewrite: Rewrite = (bytes, direction, key) => {
    let conversation = this.conversations.get(key)
    if (conversation === undefined) {
      conversation = this.listen()
      this.conversations.set(key, conversation)
    }
    if (direction === 'down') this.latest = conversation
    conversation.parse[direction](bytes)
    return Promise.resolve(bytes)
  }

  private listen(): Conversation {
    const open = new Map<number, string>()
    const sent = (packet: Packet): void => {
      if (packet.cmd !== 'publish' || packet.messageId === undefined) return
      open.set(packet.messageId, idIn({ value: Buffer.from(packet.payload) }) ?? '')
    }
    const answered = (packet: Packet): void => {
      if (packet.cmd !== 'puback' && packet.cmd !== 'pubrec') return
      const packetId = packet.messageId ?? 0
      const id = open.get(packetId)
      if (id === undefined) this.stray.push(packetId)
      else if (id !== '') this.acknowledged.push({ id, at: Date.now() })
      open.delete(packetId)
    }
    return { open, parse: { down: reader(sent), up: reader(answered) } }
  }
}

function reader(onPacket: (packet: Packet) => void): (bytes: Buffer) => unknown {
  const parser = packetParser({ protocolVersion: 5 })
  parser.on('packet', onPacket)
  // Where a fault has taken bytes away, the rest of that connection makes no sense to anybody.
  parser.on('error', () => undefined)
  return (bytes) => parser.parse(bytes)
}
