/**
 * What has arrived from the broker and is not acknowledged: a state machine without sockets.
 *
 * A message is *in work* from its arrival until the flow has settled it, and *unacknowledged* until all messages
 * before it on the same connection are settled as well: acknowledgements leave in the order of arrival.
 *
 *  - An acknowledgement belongs to a connection. When that ends, all outstanding ones are void, because packet
 *    ids are used again; the broker delivers the messages again.
 *  - A repetition (same session, same packet id, DUP, same topic and bytes) of a message that we have not
 *    acknowledged is *joined* to it instead of being emitted twice. The broker cannot have given that packet id
 *    to another message meanwhile. After we have written PUBACK it can, so there is nothing to join any more.
 *    Repetitions come before anything new, but a connection may end before all were read, because the window was full: only
 *    one that has brought something new tells that what it did not repeat will hardly come again.
 *  - With QoS 2 the packet id is taken until PUBREL, so a repetition (as above) after our PUBREC is answered and
 *    dropped. But only a repetition: a broker that was killed and has come back with an older state of the session
 *    never sends that PUBREL, and gives the packet id to a new message. A sender marks each repetition with DUP
 *    (MQTT 5 §3.3.1.1), so a message without it is new; one with it may be the repetition of that new message, so
 *    the content decides. In doubt a message is emitted twice, and never dropped.
 *  - A lost session (`sessionPresent` false) voids all of this.
 *
 * The bound counts messages and bytes that are in work or unacknowledged. A message that is over the bound has
 * arrived already and is taken; the caller stops reading while the window is full.
 */
import { createHash } from 'node:crypto'
import { OrderedRelease, type Slot } from '../../delivery/ordered-release'
import type { Acknowledgement, QoS } from '../connect/deferred-acknowledgement'

export interface WindowBounds {
  readonly maxMessages: number
  readonly maxBytes: number
}

/** The parts of a PUBLISH packet which the window looks at. */
export interface Arrival {
  readonly packetId: number
  readonly qos: QoS
  readonly duplicate: boolean
  readonly topic: string
  readonly payload: Buffer
}

/** A message that has arrived. `settle` it exactly once. */
export class HeldMessage implements Acknowledgement {
  settled = false
  slot: Slot<HeldMessage> | undefined
  /** Connections that have brought something new, and not this one. */
  missed = 0

  constructor(
    readonly packetId: number,
    readonly qos: QoS,
    readonly topic: string,
    readonly payload: Buffer,
    public connection: number,
    /** On the caller's clock; a repetition that was joined to it does not make it younger. */
    readonly arrivedAtMs: number,
  ) {}

  get bytes(): number {
    return this.topic.length + this.payload.length
  }
}

/** A settled message whose acknowledgement could not leave is forgotten when this many connections have missed it. */
const MISSED_CONNECTIONS = 2

export class AcknowledgementWindow {
  private readonly release: OrderedRelease<HeldMessage>
  private readonly unacknowledged = new Map<number, HeldMessage>()
  /** Packet ids for which our PUBREC is written and no PUBREL has come, with the digest of their message. */
  private readonly awaitingPubrel = new Map<number, string>()
  /** In work or unacknowledged, the oldest first. */
  private readonly messages = new Set<HeldMessage>()
  private connection = 0
  /** This connection has brought a message that is no repetition. */
  private broughtNew = false
  private bytes = 0

  /**
   * @param acknowledge called in the order in which acknowledgements must leave on the current connection
   * @param now milliseconds, monotonic
   */
  constructor(
    private readonly bounds: WindowBounds,
    private readonly acknowledge: (acknowledgement: Acknowledgement) => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.release = new OrderedRelease((message) => this.onReleased(message))
  }

  /** Messages in work or unacknowledged. */
  get size(): number {
    return this.messages.size
  }

  /** Messages that a connection after this one will bring again. */
  get unacknowledgedCount(): number {
    return this.unacknowledged.size
  }

  /** How long ago the oldest of them arrived; 0 when there is none. */
  get oldestMs(): number {
    for (const { arrivedAtMs } of this.messages) return this.now() - arrivedAtMs
    return 0
  }

  /** Messages of the current connection that are not acknowledged: what the broker counts in its window. */
  get outstanding(): number {
    return this.release.size
  }

  get full(): boolean {
    return this.messages.size >= this.bounds.maxMessages || this.bytes >= this.bounds.maxBytes
  }

  /** At most half of the bound is used: the time to come back after a disconnection because of a full window. */
  get halfFree(): boolean {
    return this.messages.size * 2 <= this.bounds.maxMessages && this.bytes * 2 <= this.bounds.maxBytes
  }

  /** A new connection stands. Call it before the first `arrive` of that connection. */
  connected(sessionPresent: boolean): void {
    this.connection++
    this.broughtNew = false
    if (sessionPresent) return
    this.unacknowledged.clear()
    this.awaitingPubrel.clear()
  }

  /** The connection is gone, and with it every acknowledgement that has not been written. */
  disconnected(): void {
    for (const message of this.release.clear()) {
      message.slot = undefined
      if (message.settled) this.discount(message)
    }
    if (!this.broughtNew) return
    for (const [packetId, message] of this.unacknowledged) {
      if (message.connection === this.connection) continue
      message.missed++
      if (message.settled && message.missed >= MISSED_CONNECTIONS) this.unacknowledged.delete(packetId)
    }
  }

  /** @returns the message to emit, or `undefined` when this is a repetition of one that we know */
  arrive(arrival: Arrival): HeldMessage | undefined {
    const { packetId, qos, topic, payload } = arrival
    const message = new HeldMessage(packetId, qos, topic, payload, this.connection, this.now())
    if (this.isReceived(arrival)) {
      // Answered once more, in its turn: those before it may still be in work.
      message.settled = true
      this.join(message)
      return undefined
    }
    if (qos > 0) {
      const known = this.unacknowledged.get(packetId)
      if (known !== undefined && isRepetition(arrival, known)) {
        this.join(known)
        return undefined
      }
    }
    this.count(message)
    if (qos > 0) {
      this.broughtNew = true
      message.slot = this.release.take(message)
      this.unacknowledged.set(packetId, message)
      // The broker has given the packet id to this message: the one before it cannot come again.
      this.awaitingPubrel.delete(packetId)
    }
    return message
  }

  /** The flow has settled this message: it may be acknowledged. A second call does nothing. */
  settle(message: HeldMessage): void {
    if (message.settled) return
    message.settled = true
    if (message.slot === undefined) this.discount(message)
    else this.release.finish(message.slot)
  }

  /** The broker has let go of a QoS 2 packet id. */
  pubrel(packetId: number): void {
    this.awaitingPubrel.delete(packetId)
  }

  /** The repetition of a QoS 2 message that we have answered with PUBREC. */
  private isReceived(arrival: Arrival): boolean {
    if (arrival.qos !== 2 || !arrival.duplicate) return false
    const digest = this.awaitingPubrel.get(arrival.packetId)
    return digest !== undefined && digest === digestOf(arrival)
  }

  private join(message: HeldMessage): void {
    if (message.slot !== undefined) return
    message.connection = this.connection
    message.missed = 0
    message.slot = this.release.take(message)
    if (!message.settled) return
    this.count(message)
    this.release.finish(message.slot)
  }

  private onReleased(message: HeldMessage): void {
    const { packetId, qos } = message
    message.slot = undefined
    this.discount(message)
    if (this.unacknowledged.get(packetId) === message) this.unacknowledged.delete(packetId)
    if (qos === 2) this.awaitingPubrel.set(packetId, digestOf(message))
    this.acknowledge(message)
  }

  private count(message: HeldMessage): void {
    this.messages.add(message)
    this.bytes += message.bytes
  }

  private discount(message: HeldMessage): void {
    this.messages.delete(message)
    this.bytes -= message.bytes
  }
}

function isRepetition(arrival: Arrival, known: HeldMessage): boolean {
  const { duplicate, qos, topic, payload } = arrival
  return duplicate && qos === known.qos && topic === known.topic && payload.equals(known.payload)
}

/** Stands for the content of a message without keeping it: a broker may leave many PUBRELs open. */
function digestOf({ topic, payload }: Pick<Arrival, 'topic' | 'payload'>): string {
  // No topic contains a zero (MQTT 5 §1.5.4), so it separates.
  return createHash('sha256').update(topic).update('\0').update(payload).digest('base64')
}
