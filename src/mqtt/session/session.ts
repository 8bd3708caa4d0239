/**
 * A lasting session with an MQTT broker: connects, subscribes, hands out messages, writes acknowledgements in
 * order, and connects again for ever. It stands in one of these states; `enter` is the only way to change:
 *
 *   idle ──start──▶ connecting ──SUBACK──▶ connected ──lost──▶ waiting ──after a back-off──▶ connecting
 *                                            │
 *                                            └─window full for long─▶ resting ──half free──▶ connecting
 *   any ──close──▶ closed
 *
 * Back-pressure: while the window is full (or the caller has paused us) the parser's callback is held, which
 * stops reading the socket. Not for longer than 0.4 of the keep-alive time: the PINGRESP behind the held packet
 * would come too late, and the connection would be cut and made again for ever (measured). Then we disconnect,
 * keep the session, and come back when half of the window is free.
 */
import type { IPublishPacket } from 'mqtt'
import { backoffMs } from '../../time/backoff'
import { asPipelineError, PipelineError } from '../../wire/errors'
import { AcknowledgementWindow, type HeldMessage, type WindowBounds } from './acknowledgement-window'
import type { BrokerSettings, BrokerUrl, ProtocolVersion } from '../connect/broker-settings'
import type { SessionMemory } from '../loss/client-ids'
import { Connection, type Granted } from '../connect/connection'
import type { Acknowledgement, QoS } from '../connect/deferred-acknowledgement'
import { identifierOf, OldSubscriptions, type OtherTopics, type Owner } from './old-subscriptions'
import { connectionError } from '../connect/refusals'
import {
  checkAvailable,
  checkGranted,
  noSession,
  outsideFilters,
  sameFilters,
  sessionLost,
  sessionNew,
  shorterExpiry,
} from './session-checks'
import { TakeOverWatch } from './take-over-watch'

const CONNECT_TIMEOUT_MS = 20_000
const HOLD_SHARE_OF_KEEP_ALIVE = 0.4
const BACKOFF = { initialMs: 500, maxMs: 30_000 }
/**
 * A broker that is away is asked more often than one that refuses: when it has lost the session, everything is lost
 * that is published before we have subscribed again.
 */
const AWAY_BACKOFF = { initialMs: 500, maxMs: 5_000 }
const AWAY = ['MQTT_UNREACHABLE', 'MQTT_UNANSWERED', 'MQTT_CLOSED']
/**
 * With MQTT 3.1.1 the filters are sent again at each connection for so long after they have changed: twice the time in
 * which Mosquitto saves its sessions by default (`autosave_interval`, 30 minutes).
 */
const UNSAVED_FILTERS_MS = 60 * 60_000
/** The largest receive maximum that MQTT 5 knows. */
const MAX_RECEIVE_MAXIMUM = 65_535
/**
 * A broker that closes without an answer may not know MQTT 5: after so many times 3.1.1 is tried in turn. Not one that
 * has spoken 5 to us: then it was the network, and with 3.1.1 the broker sets the window (Mosquitto: 20). Because it may
 * have been the network before the first answer as well, the next connection begins with 5 again.
 */
const SILENT_REFUSALS = 3
/** What a CONNECT counts that gets no answer at all: two are enough, each takes as long as a connection may take. */
const UNANSWERED = SILENT_REFUSALS / 2

export type SessionState =
  | { readonly kind: 'idle' | 'closed' | 'resting' }
  | { readonly kind: 'connecting' | 'connected'; readonly host: string }
  | { readonly kind: 'waiting'; readonly error: PipelineError; readonly delayMs: number }

/** What becomes of messages that the broker has kept from before the subscription; the first is the default. */
export const RETAINED = ['emit', 'leaveOut'] as const
export type Retained = (typeof RETAINED)[number]

export interface SessionOptions {
  readonly broker: BrokerSettings
  readonly clientId: string
  readonly filters: ReadonlyMap<string, QoS>
  readonly bounds: WindowBounds
  readonly memory: SessionMemory
  readonly retained?: Retained
  readonly otherTopics?: OtherTopics
  readonly connectTimeoutMs?: number
  readonly now?: () => number
}

export interface SessionHandlers {
  /** A message to be emitted; `settle` it when it is safe. */
  onMessage(message: HeldMessage, packet: IPublishPacket): void
  onState(state: SessionState): void
  /** Something that a person should read: a lost session, a shorter session expiry. */
  onWarning(warning: PipelineError): void
  /** Something for the log only. */
  note(event: PipelineError): void
}

export class MqttSession {
  private readonly now: () => number
  private readonly window: AcknowledgementWindow
  private readonly takeOver: TakeOverWatch
  private readonly oldSubscriptions: OldSubscriptions
  private state: SessionState = { kind: 'idle' }
  private connection: Connection | undefined
  private version: ProtocolVersion
  private silentRefusals = 0
  /** 3.1.1 was chosen because of silence: 5 may be understood all the same. */
  private guessed = false
  /** Hosts that have accepted us in MQTT 5. */
  private readonly speak5 = new Set<string>()
  private urlIndex = 0
  private attempt = 0
  private timer: NodeJS.Timeout | undefined
  private holdTimer: NodeJS.Timeout | undefined
  private proceed: (() => void) | undefined
  private keepAliveSeconds: number
  private paused = false
  private intakeStopped = false
  /** An orderly disconnection is under way: the same client id must not connect before it has ended. */
  private leaving: Promise<void> | undefined
  private warnedOfExpiry = false
  private notedNewSession = false
  private readonly notedOutside = new Set<Owner>()
  /** Not acknowledged, and not emitted, until it is known for which subscription they are. */
  private inDoubt: { readonly message: HeldMessage; readonly packet: IPublishPacket }[] = []
  private toAcknowledge: Acknowledgement[] = []
  private acknowledgedCount = 0

  constructor(
    private readonly options: SessionOptions,
    private readonly handlers: SessionHandlers,
  ) {
    this.now = options.now ?? (() => performance.now())
    this.window = new AcknowledgementWindow(
      options.bounds,
      (acknowledgement) => this.queue(acknowledgement),
      this.now,
    )
    this.takeOver = new TakeOverWatch(this.now)
    this.oldSubscriptions = new OldSubscriptions(
      options.filters.keys(),
      options.memory,
      options.otherTopics ?? 'wait',
    )
    this.version = options.broker.protocol === '3.1.1' ? 4 : 5
    this.keepAliveSeconds = options.broker.keepAliveSeconds
  }

  /** Messages in work or unacknowledged. */
  get size(): number {
    return this.window.size
  }

  /** Messages of this connection that the broker has no acknowledgement for. */
  get outstanding(): number {
    return this.window.outstanding
  }

  /** Messages that the broker will send again to whoever has the session next. */
  get unacknowledged(): number {
    return this.window.unacknowledgedCount
  }

  /** Acknowledgements that may have left, since the start. */
  get acknowledged(): number {
    return this.acknowledgedCount
  }

  get windowFull(): boolean {
    return this.window.full
  }

  /** How long ago the oldest message that is not acknowledged arrived; 0 when there is none. */
  get oldestMs(): number {
    return this.window.oldestMs
  }

  /**
   * Whether packets are being read; false while the flow holds us up, and while there is no connection. A window that
   * has filled with repetitions holds nothing yet, but will with the next message.
   */
  get reading(): boolean {
    return this.state.kind === 'connected' && this.proceed === undefined && !this.window.full
  }

  /** Why messages wait that no filter matches; `undefined` when there are none. */
  get doubt(): PipelineError | undefined {
    const [first] = this.inDoubt
    return first === undefined ? undefined : outsideFilters(first.packet.topic, 'inDoubt')
  }

  start(): void {
    if (this.state.kind === 'idle') this.connect()
  }

  /** Stops reading until `resume`. */
  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    this.makeRoom()
  }

  settle(message: HeldMessage): void {
    this.window.settle(message)
    if (this.proceed !== undefined || this.state.kind === 'resting') this.makeRoom()
  }

  /** Takes nothing any more. What arrives is dropped without an acknowledgement; `settle` still works. */
  stopIntake(): void {
    this.intakeStopped = true
    clearTimeout(this.timer)
    clearTimeout(this.holdTimer)
    this.readOn()
  }

  /** Writes the acknowledgements that may leave, and then disconnects. The broker keeps the session. */
  async close(): Promise<void> {
    this.stopIntake()
    const { connection } = this
    this.leave()
    this.enter({ kind: 'closed' })
    await connection?.disconnect()
    await this.leaving
  }

  private enter(state: SessionState): void {
    if (this.state.kind === 'closed') return
    this.state = state
    this.handlers.onState(state)
  }

  // ---- connecting ----------------------------------------------------------------------------------------

  private connect(): void {
    const { broker, clientId, bounds } = this.options
    const url = broker.urls[this.urlIndex] as BrokerUrl
    this.enter({ kind: 'connecting', host: url.host })
    let stands = false
    try {
      const connection: Connection = new Connection(
        {
          ...broker,
          url,
          clientId,
          protocolVersion: this.version,
          connectTimeoutMs: this.options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
          receiveMaximum: Math.min(bounds.maxMessages, MAX_RECEIVE_MAXIMUM),
        },
        {
          onConnected: (granted) => {
            stands = true
            if (this.version === 5) this.speak5.add(url.host)
            this.keepAliveSeconds = granted.keepAliveSeconds
            this.window.connected(granted.sessionPresent)
            this.oldSubscriptions.connected(url.host, granted.sessionPresent)
            void this.subscribe(connection, url, granted)
          },
          onPublish: (packet, proceed) => this.onPublish(packet, proceed),
          onPubrel: (packetId) => this.window.pubrel(packetId),
          onClosed: (reason) => this.onClosed(connection, url, reason, stands),
        },
      )
      this.connection = connection
    } catch (error) {
      // Certificates that Node cannot read are refused here, before there is a socket.
      this.retry(connectionError(error, url.host), false)
    }
  }

  private async subscribe(connection: Connection, url: BrokerUrl, granted: Granted): Promise<void> {
    const { broker, filters, memory } = this.options
    // Its messages come at once, and may fill the window before the answer to SUBSCRIBE is read.
    const shouldHaveAll = granted.sessionPresent && sameFilters(memory.filters, filters)
    try {
      this.checkSession(granted, url)
      checkAvailable(filters.keys(), granted, url.host)
      if (shouldHaveAll) this.stands(url)
      if (!granted.sessionPresent || this.maySessionLackFilters()) {
        const answers = await connection.subscribe(filters, identifierOf, granted)
        checkGranted(filters, answers, broker.safe, url.host)
        if (granted.sessionPresent) await this.unsubscribeOthers(connection)
      }
    } catch (error) {
      if (this.connection === connection) this.takeOver.left()
      connection.fail(asPipelineError(error, 'MQTT_SUBSCRIPTION'))
      return
    }
    if (this.connection !== connection) return
    this.attempt = 0
    if (!shouldHaveAll) this.stands(url)
  }

  /** What the session has besides our filters: known ones, or, after a restart, those that could send messages twice. */
  private async unsubscribeOthers(connection: Connection): Promise<void> {
    const { filters, memory } = this.options
    const gone = [...memory.filters.keys()].filter((name) => !filters.has(name))
    if (memory.filters.size > 0) await connection.unsubscribe(gone)
    else this.unsubscribe(connection, this.oldSubscriptions.covering)
  }

  /** Nothing waits for the answer, nor depends on it. */
  private unsubscribe(connection: Connection, filters: readonly string[]): void {
    connection.unsubscribe(filters).catch(() => undefined)
  }

  private stands(url: BrokerUrl): void {
    const { filters, memory } = this.options
    if (!sameFilters(memory.filters, filters)) memory.filtersChangedMs = this.now()
    memory.filters = new Map(filters)
    memory.lastConnectedMs = Date.now()
    this.takeOver.connected()
    this.enter({ kind: 'connected', host: url.host })
  }

  /**
   * A broker that was killed may come back with the session as it was before the filters changed, and would send
   * nothing for a new one, without a word. So they are sent at each connection. That costs nothing in MQTT 5, where
   * retained messages are asked for by new subscriptions only.
   *
   * In 3.1.1 the broker repeats all retained messages each time (§3.8.4). They are marked as such, but on a network
   * that fails often they fill the queue which the broker keeps for us, and push out new messages. So there the
   * filters are sent again only while the broker may not have saved them; a copy of its files that is older than
   * that needs a restart of Node-RED.
   */
  private maySessionLackFilters(): boolean {
    const { filters, memory } = this.options
    if (this.version === 5 || !sameFilters(memory.filters, filters)) return true
    return this.now() - (memory.filtersChangedMs ?? -Infinity) < UNSAVED_FILTERS_MS
  }

  /** Compares what the broker granted with what the promise needs. */
  private checkSession({ sessionPresent, sessionExpirySeconds }: Granted, url: BrokerUrl): void {
    const { broker, memory } = this.options
    if (broker.cleanSession) return
    if (!sessionPresent && memory.lastConnectedMs !== undefined) {
      this.handlers.onWarning(sessionLost(url.host, memory.lastConnectedMs))
    } else if (!sessionPresent && !this.notedNewSession) {
      this.notedNewSession = true
      this.handlers.note(sessionNew(url.host))
    }
    if (sessionExpirySeconds === undefined || sessionExpirySeconds >= broker.sessionExpirySeconds) return
    if (sessionExpirySeconds === 0 && broker.safe) throw noSession(url.host)
    if (this.warnedOfExpiry) return
    this.warnedOfExpiry = true
    this.handlers.onWarning(shorterExpiry(url.host, sessionExpirySeconds, broker.sessionExpirySeconds))
  }

  private onClosed(connection: Connection, url: BrokerUrl, reason: PipelineError, stood: boolean): void {
    if (this.connection !== connection) return
    this.leave()
    if (this.intakeStopped) return
    if (!stood) this.chooseVersion(reason, url)
    this.retry(reason, stood)
  }

  /** The current connection is over: nothing of it counts any more. */
  private leave(): void {
    this.flush()
    if (this.state.kind === 'connected') this.options.memory.lastConnectedMs = Date.now()
    this.connection = undefined
    this.proceed = undefined
    clearTimeout(this.holdTimer)
    this.window.disconnected()
  }

  private retry(reason: PipelineError, stood: boolean): void {
    const { broker } = this.options
    if (stood) this.lookAgain()
    const pause = stood ? this.takeOver.closed(reason) : undefined
    if (pause !== undefined) return this.wait(pause.error, pause.delayMs)
    this.urlIndex = stood ? 0 : (this.urlIndex + 1) % broker.urls.length
    const backoff = AWAY.includes(reason.code) ? AWAY_BACKOFF : BACKOFF
    // Within one round through the addresses there is nothing to wait for.
    const delayMs = !stood && this.urlIndex > 0 ? 0 : backoffMs(++this.attempt, backoff)
    this.wait(reason, delayMs)
  }

  private wait(error: PipelineError, delayMs: number): void {
    this.enter({ kind: 'waiting', error, delayMs })
    this.timer = setTimeout(() => this.connect(), delayMs)
  }

  /** MQTT 5 first; 3.1.1 when the broker refuses 5, or has closed several times without a word. */
  private chooseVersion({ code }: PipelineError, { host }: BrokerUrl): void {
    if (this.options.broker.protocol !== 'auto') return
    const silence = code === 'MQTT_CLOSED' ? 1 : code === 'MQTT_UNANSWERED' ? UNANSWERED : 0
    this.silentRefusals = silence > 0 && !this.speak5.has(host) ? this.silentRefusals + silence : 0
    if (code !== 'MQTT_VERSION' && this.silentRefusals < SILENT_REFUSALS) return
    this.silentRefusals = 0
    this.version = this.version === 5 ? 4 : 5
    this.guessed = this.version === 4 && code !== 'MQTT_VERSION'
  }

  /** MQTT 5 once more, when 3.1.1 was a guess; one more silence is enough to go back. */
  private lookAgain(): void {
    if (!this.guessed) return
    this.guessed = false
    this.version = 5
    this.silentRefusals = SILENT_REFUSALS - 1
  }

  // ---- messages ------------------------------------------------------------------------------------------

  private onPublish(packet: IPublishPacket, proceed: () => void): void {
    if (this.intakeStopped) return proceed()
    const message = this.window.arrive({
      packetId: packet.messageId ?? 0,
      qos: packet.qos,
      duplicate: packet.dup,
      topic: packet.topic,
      payload: packet.payload as Buffer,
    })
    if (message !== undefined) {
      this.receive(message, packet)
      if (this.inDoubt.length > 0 && this.oldSubscriptions.isSettled) this.receiveDoubtful()
    }
    if (message !== undefined && (this.window.full || this.paused)) this.hold(proceed)
    else proceed()
  }

  private receive(message: HeldMessage, packet: IPublishPacket): void {
    const owner = this.ownerOf(packet)
    if (owner === 'inDoubt') this.inDoubt.push({ message, packet })
    else if (owner === 'old' || (packet.retain && this.options.retained === 'leaveOut'))
      this.window.settle(message)
    else this.handlers.onMessage(message, packet)
  }

  /** It is known now. */
  private receiveDoubtful(): void {
    for (const { message, packet } of this.inDoubt.splice(0)) this.receive(message, packet)
  }

  private ownerOf({ topic, properties }: IPublishPacket): Owner {
    const { connection, oldSubscriptions } = this
    const identifiers = [properties?.subscriptionIdentifier ?? []].flat()
    const { owner, isRewritten, behind } = oldSubscriptions.judge(topic, identifiers)
    if (behind.length > 0 && connection !== undefined) this.unsubscribe(connection, behind)
    if (
      (owner !== 'ours' || (isRewritten && this.options.otherTopics !== 'emit')) &&
      !this.notedOutside.has(owner)
    ) {
      this.notedOutside.add(owner)
      this.handlers.note(outsideFilters(topic, owner))
    }
    return owner
  }

  private hold(proceed: () => void): void {
    this.proceed = proceed
    const holdMs = this.keepAliveSeconds * 1000 * HOLD_SHARE_OF_KEEP_ALIVE
    this.holdTimer = setTimeout(() => this.rest(), holdMs)
  }

  /** Leaves the broker until the flow has caught up. */
  private rest(): void {
    const { connection } = this
    this.leave()
    this.enter({ kind: 'resting' })
    this.leaving = connection?.disconnect().then(() => {
      this.leaving = undefined
      this.makeRoom()
    })
  }

  /** Something was settled, or reading may go on. */
  private makeRoom(): void {
    if (this.paused || this.intakeStopped) return
    if (this.state.kind === 'resting') {
      if (this.window.halfFree && this.leaving === undefined) this.connect()
    } else if (!this.window.full) {
      this.readOn()
    }
  }

  private readOn(): void {
    const { proceed } = this
    if (proceed === undefined) return
    clearTimeout(this.holdTimer)
    this.proceed = undefined
    proceed()
  }

  // ---- acknowledgements ----------------------------------------------------------------------------------

  /** Gathers what may be acknowledged in the same turn into one write. */
  private queue(acknowledgement: Acknowledgement): void {
    if (this.toAcknowledge.length === 0) queueMicrotask(() => this.flush())
    this.toAcknowledge.push(acknowledgement)
    this.acknowledgedCount++
  }

  private flush(): void {
    if (this.toAcknowledge.length === 0) return
    this.connection?.acknowledge(this.toAcknowledge)
    this.toAcknowledge = []
  }
}
