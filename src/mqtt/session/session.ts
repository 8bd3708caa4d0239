/**
 * A lasting session with an MQTT broker: connects, subscribes, hands out messages, writes acknowledgements in
 * order, and reconnects until it is closed. It is in one of these states; `enter` is the only way to change:
 *
 *   idle ──start──▶ connecting ──SUBACK──▶ connected ──lost──▶ waiting ──after a back-off──▶ connecting
 *                                            │
 *                                            └─window full for long─▶ resting ──half free──▶ connecting
 *   any ──suspend──▶ resting ──resume──▶ connecting
 *   any ──close──▶ closed
 *
 * Back-pressure: while the window is full (or the caller has paused us) the parser's callback is held, which
 * stops reading the socket. Not for longer than 0.4 of the keep-alive time: the PINGRESP after the held packet would
 * come too late, and the connection would be cut and made again in a loop (measured). Then we disconnect, keep the
 * session, and come back when half of the window is free.
 */
import type { IPublishPacket } from 'mqtt'
import { backoffMs } from '../../time/backoff'
import { asPipelineError, PipelineError } from '../../wire/errors'
import { AcknowledgementWindow, type HeldMessage, type WindowBounds } from './acknowledgement-window'
import type { BrokerSettings, BrokerUrl } from '../connect/broker-settings'
import type { SessionMemory } from '../loss/client-ids'
import { Connection, type Granted } from '../connect/connection'
import type { Acknowledgement, QoS } from '../connect/deferred-acknowledgement'
import { Intake, type Retained } from './intake'
import { OldSubscriptions, type OtherTopics } from './old-subscriptions'
import { connectionError } from '../connect/refusals'
import { Subscriptions } from './subscriptions'
import { TakeOverWatch } from './take-over-watch'
import { VersionChoice } from './version-choice'

const CONNECT_TIMEOUT_MS = 20_000
const HOLD_SHARE_OF_KEEP_ALIVE = 0.4
const BACKOFF = { initialMs: 500, maxMs: 30_000 }
/**
 * A broker that is away is asked more often than one that refuses: when it has lost the session, everything is lost
 * that is published before we have subscribed again.
 */
const AWAY_BACKOFF = { initialMs: 500, maxMs: 5_000 }
const AWAY = ['MQTT_UNREACHABLE', 'MQTT_UNANSWERED', 'MQTT_CLOSED']
/** The largest receive maximum that MQTT 5 knows. */
const MAX_RECEIVE_MAXIMUM = 65_535
export type SessionState =
  | { readonly kind: 'idle' | 'closed' | 'resting' }
  | { readonly kind: 'connecting' | 'connected'; readonly host: string }
  | { readonly kind: 'waiting'; readonly error: PipelineError; readonly delayMs: number }

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
  private readonly subscriptions: Subscriptions
  private readonly intake: Intake
  private readonly version: VersionChoice
  private state: SessionState = { kind: 'idle' }
  private connection: Connection | undefined
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
    const { otherTopics = 'wait', retained } = options
    this.oldSubscriptions = new OldSubscriptions(options.filters.keys(), options.memory, otherTopics)
    this.subscriptions = new Subscriptions({
      ...options,
      oldSubscriptions: this.oldSubscriptions,
      now: this.now,
      onWarning: (warning) => handlers.onWarning(warning),
      note: (event) => handlers.note(event),
    })
    this.intake = new Intake({
      oldSubscriptions: this.oldSubscriptions,
      retained,
      otherTopics,
      emit: (message, packet) => handlers.onMessage(message, packet),
      drop: (message) => this.window.settle(message),
      unsubscribe: (filters) => this.connection && this.subscriptions.unsubscribe(this.connection, filters),
      note: (event) => handlers.note(event),
    })
    this.version = new VersionChoice(options.broker.protocol)
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

  /** Messages that the broker will send again to the next owner of the session. */
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
    return this.intake.doubt
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

  /** Leaves the broker until `resume`; it keeps the session. Unlike `pause`, this may take as long as it wants. */
  suspend(): void {
    this.paused = true
    if (this.intakeStopped || this.state.kind === 'resting') return
    clearTimeout(this.timer)
    this.rest()
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
    let isAccepted = false
    try {
      const connection: Connection = new Connection(
        {
          ...broker,
          url,
          clientId,
          protocolVersion: this.version.current,
          connectTimeoutMs: this.options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
          receiveMaximum: Math.min(bounds.maxMessages, MAX_RECEIVE_MAXIMUM),
        },
        {
          onConnected: (granted) => {
            isAccepted = true
            this.version.accepted(url.host)
            this.keepAliveSeconds = granted.keepAliveSeconds
            this.window.connected(granted.sessionPresent)
            this.oldSubscriptions.connected(url.host, granted.sessionPresent)
            void this.subscribe(connection, url, granted)
          },
          onPublish: (packet, proceed) => this.onPublish(packet, proceed),
          onPubrel: (packetId) => this.window.pubrel(packetId),
          onClosed: (reason) => this.onClosed(connection, url, reason, isAccepted),
        },
      )
      this.connection = connection
    } catch (error) {
      // Certificates that Node cannot read are refused here, before there is a socket.
      this.retry(connectionError(error, url.host), false)
    }
  }

  private async subscribe(connection: Connection, url: BrokerUrl, granted: Granted): Promise<void> {
    // Its messages come at once, and may fill the window before the answer to SUBSCRIBE is read.
    const isWhole = this.subscriptions.areIn(granted)
    try {
      this.subscriptions.check(granted, url.host)
      if (isWhole) this.connected(url)
      await this.subscriptions.complete(connection, granted, url.host, this.version.current)
    } catch (error) {
      if (this.connection === connection) this.takeOver.left()
      connection.fail(asPipelineError(error, 'MQTT_SUBSCRIPTION'))
      return
    }
    if (this.connection !== connection) return
    this.attempt = 0
    if (!isWhole) this.connected(url)
  }

  private connected({ host }: BrokerUrl): void {
    this.subscriptions.noteComplete()
    this.options.memory.lastConnectedMs = Date.now()
    this.takeOver.connected()
    this.enter({ kind: 'connected', host })
  }

  private onClosed(
    connection: Connection,
    url: BrokerUrl,
    reason: PipelineError,
    wasAccepted: boolean,
  ): void {
    if (this.connection !== connection) return
    this.leave()
    if (this.intakeStopped) return
    if (wasAccepted) this.version.ended()
    else this.version.refused(reason.code, url.host)
    this.retry(reason, wasAccepted)
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

  private retry(reason: PipelineError, wasAccepted: boolean): void {
    const { broker } = this.options
    const pause = wasAccepted ? this.takeOver.closed(reason) : undefined
    if (pause !== undefined) return this.wait(pause.error, pause.delayMs)
    this.urlIndex = wasAccepted ? 0 : (this.urlIndex + 1) % broker.urls.length
    const backoff = AWAY.includes(reason.code) ? AWAY_BACKOFF : BACKOFF
    // Within one round through the addresses there is nothing to wait for.
    const delayMs = !wasAccepted && this.urlIndex > 0 ? 0 : backoffMs(++this.attempt, backoff)
    this.wait(reason, delayMs)
  }

  private wait(error: PipelineError, delayMs: number): void {
    this.enter({ kind: 'waiting', error, delayMs })
    this.timer = setTimeout(() => this.connect(), delayMs)
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
    if (message !== undefined) this.intake.take(message, packet)
    if (message !== undefined && (this.window.full || this.paused)) this.hold(proceed)
    else proceed()
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

  /** Something was settled, or reading may resume. */
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
