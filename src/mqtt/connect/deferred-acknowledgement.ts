/**
 * Makes MQTT.js leave the acknowledgements to us. It normally sends PUBACK (PUBREC for QoS 2) as soon as its
 * `message` event has been emitted, which is before anything has been stored.
 *
 * This is the only file that touches what MQTT.js does not promise; `mqtt` is pinned to the minor version, and
 * a test against a real broker guards every point below (read in 5.16.0):
 *
 *  - QoS 1: `handleMessage(packet, callback)` with an error sends no PUBACK and proceeds with the next packet.
 *    Holding the callback stops the parser, and with it PINGRESP: see `session.ts` for how long that may last.
 *  - QoS 2: the packet goes to `incomingStore.put` and PUBREC follows. Ours takes the packet as arrived, and the
 *    wrapped `_sendPacket` drops that PUBREC. At PUBREL the store is asked for the packet; it answers with an
 *    empty stand-in, which makes MQTT.js send PUBCOMP and forget the packet id.
 *  - `_trackIncomingQoS2Publish` cuts the connection when the broker exceeds the receive maximum. Mosquitto
 *    2.0.11 does exceed it after a reconnect; we have a bound of our own.
 *  - Our PUBACK and PUBREC are written to the public `client.stream`: past `_sendPacket`, which would keep an
 *    acknowledgement for the next connection, where its packet id may belong to another message.
 */
import { Readable } from 'node:stream'
import type { IPublishPacket, MqttClient, Packet } from 'mqtt'

/** The quality of service of a message. */
export type QoS = 0 | 1 | 2

export interface DeferredAcknowledgementHandlers {
  /** A PUBLISH has arrived. The next packet is read after `proceed`, which may be called later. */
  onPublish(packet: IPublishPacket, proceed: () => void): void
  /** The broker has our PUBREC for this packet id, and may use the id again. */
  onPubrel(packetId: number): void
}

export interface Acknowledgement {
  readonly packetId: number
  readonly qos: QoS
}

/** Handed to `handleMessage`'s callback: means "no acknowledgement now". It never leaves this file. */
const DEFERRED = new Error('acknowledged later')

const PUBACK = 0x40
const PUBREC = 0x50
const ACKNOWLEDGEMENT_BYTES = 4

/** What the store gives back at PUBREL, in place of a packet that we have handed on long ago. */
const HANDED_ON: IPublishPacket = {
  cmd: 'publish',
  topic: '',
  payload: Buffer.alloc(0),
  qos: 2,
  dup: false,
  retain: false,
}

type Callback = (error?: Error, packet?: Packet) => void

interface Internals {
  _sendPacket(packet: Packet, callback?: () => void, ...rest: unknown[]): void
  _trackIncomingQoS2Publish(packetId: number): boolean
}

/** Call it on a client that has not received anything yet. */
export function deferAcknowledgements(client: MqttClient, handlers: DeferredAcknowledgementHandlers): void {
  client.handleMessage = (packet, callback) => {
    if (packet === HANDED_ON) callback()
    else if (packet.qos === 0) handlers.onPublish(packet, () => callback())
    else handlers.onPublish(packet, () => callback(DEFERRED))
  }
  client.incomingStore = new HandOnStore(handlers) as unknown as MqttClient['incomingStore']
  const internals = client as unknown as Internals
  const sendPacket = internals._sendPacket.bind(client)
  internals._sendPacket = (packet, callback, ...rest) => {
    if (packet.cmd === 'pubrec') callback?.()
    else sendPacket(packet, callback, ...rest)
  }
  internals._trackIncomingQoS2Publish = () => true
}

/**
 * Writes acknowledgements, in the given order. The caller must know that they belong to this connection.
 * @returns false when the connection is gone: the broker delivers these messages again
 */
export function writeAcknowledgements(
  client: MqttClient,
  acknowledgements: readonly Acknowledgement[],
): boolean {
  if (!client.connected || client.stream.destroyed || client.stream.writableEnded) return false
  const bytes = Buffer.allocUnsafe(acknowledgements.length * ACKNOWLEDGEMENT_BYTES)
  let at = 0
  for (const { packetId, qos } of acknowledgements) {
    bytes[at] = qos === 2 ? PUBREC : PUBACK
    // Two bytes follow, the packet id. In MQTT 5 a reason code that is left out means success.
    bytes[at + 1] = 2
    bytes.writeUInt16BE(packetId, at + 2)
    at += ACKNOWLEDGEMENT_BYTES
  }
  client.stream.write(bytes)
  return true
}

/** The "store" of incoming QoS 2 packets: hands them on and remembers nothing. */
class HandOnStore {
  constructor(private readonly handlers: DeferredAcknowledgementHandlers) {}

  put(packet: Packet, callback: Callback): this {
    this.handlers.onPublish(packet as IPublishPacket, () => callback())
    return this
  }

  get(packet: Pick<Packet, 'messageId'>, callback: Callback): this {
    if (packet.messageId !== undefined) this.handlers.onPubrel(packet.messageId)
    callback(undefined, HANDED_ON)
    return this
  }

  del(_packet: Pick<Packet, 'messageId'>, callback: Callback): this {
    callback()
    return this
  }

  createStream(): Readable {
    return Readable.from([])
  }

  close(callback: Callback): void {
    callback()
  }
}
