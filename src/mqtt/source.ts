/**
 * From a session's packets to messages on a wire and back: a packet becomes a message with an id, goes into the
 * flow alone or in a batch, and is acknowledged to the broker when its delivery is settled.
 *
 * The client id belongs to one connection, so each source has its own: the broker configuration's client id with
 * the source's node id appended, which stays the same over restarts and deploys.
 *
 * Longer than most files here, because session, flow and node meet in it; half of it is what the status asks for.
 */
import type { IPublishPacket } from 'mqtt'
import type { FlowTracking } from '../delivery/flow/flow-tracking'
import type { Account } from '../delivery/account'
import { FlowCheck } from '../delivery/flow/flow-check'
import { MESSAGES, Redelivery, type WhenFiltered } from '../delivery/redelivery'
import { distributionOf, type Distribution } from '../watch/distribution'
import { CLOSE_BUDGET_MS, settlesWithin } from '../time/deadline'
import type { PipelineError } from '../wire/errors'
import { activeTraces, type ReceiveSpan } from '../trace/traces'
import { copyOf, type Message, type MqttFields, type WireRecord } from '../wire/message'
import type { HeldMessage } from './session/acknowledgement-window'
import type { QueueForecast } from './loss/broker-queue'
import { checkBrokerSettings, type BrokerSettings } from './connect/broker-settings'
import { clientIds, type ClientIdClaim } from './loss/client-ids'
import type { QoS } from './connect/deferred-acknowledgement'
import { Gathering, type FlushReason } from './gathering'
import { LossWatch } from './loss/loss-watch'
import { MessageIds, type MessageIdSource } from './message-id'
import type { OtherTopics } from './session/old-subscriptions'
import type { Retained } from './session/intake'
import { MqttSession, type SessionState } from './session/session'
import { parseTopicFilters } from './session/topic-filters'

/** Of the time that Node-RED gives a node to close, this much is kept for the disconnection. */
const DISCONNECT_BUDGET_MS = 2_500

export interface SourceSettings {
  readonly nodeId: string
  /** Empty: the broker's client id with the node id behind it. */
  readonly clientId: string
  /** Comma-separated. */
  readonly topic: string
  readonly qos: QoS
  readonly mode: 'message' | 'batch'
  readonly batchSize: number
  readonly lingerMs: number
  readonly windowMessages: number
  readonly windowBytes: number
  readonly deliveryTimeoutMs: number
  readonly attempts: number
  readonly whenFiltered: WhenFiltered
  readonly retained: Retained
  readonly otherTopics: OtherTopics
  readonly messageId: MessageIdSource
  readonly messageIdName: string
}

export interface SourceHost {
  readonly tracking: FlowTracking
  send(output: number, message: Message): void
  isWired(output: number): boolean
  /** `msg.error` of a message on the second output. */
  describe(error: PipelineError): unknown
  /** Something that a person should read, in the log and from now on in the status. */
  onWarning(warning: PipelineError): void
  /** The flow ended this many messages on purpose, and they were acknowledged. */
  onFiltered(count: number): void
  /** Something for the log only. */
  note(event: PipelineError): void
  /** The state has changed; ask `state`. */
  onChange(): void
}

/** One message: what holds the broker's acknowledgement, and what the flow gets. */
interface Arrived {
  readonly held: HeldMessage
  readonly fields: MqttFields
  readonly trace: ReceiveSpan | undefined
}

/** What the source is doing, for its status. */
export type SourceState =
  | SessionState
  | { readonly kind: 'unwired' | 'paused' }
  | { readonly kind: 'clientIdTaken'; readonly byNode: string }

/** By the operator. One object, so that it is seen to stay the same. */
const PAUSED: SourceState = { kind: 'paused' }

export class MqttSource {
  private readonly redelivery: Redelivery<readonly Arrived[]>
  private readonly gathering: Gathering<Arrived>
  private readonly messageIds: MessageIds
  private readonly filters: ReadonlyMap<string, QoS>
  private readonly clientId: string
  private readonly stopped = new AbortController()
  private readonly flowCheck: FlowCheck
  private readonly loss: LossWatch
  private readonly releaseTracking: () => void
  private session: MqttSession | undefined
  private claim: ClientIdClaim | undefined
  private starting: Promise<void> | undefined
  private current: SourceState = { kind: 'idle' }
  private isPaused = false
  /** Messages in a batch, by what ended it. */
  readonly batches = new Map<FlushReason, Distribution>()
  private arrivedCount = 0
  private connectedCount = 0
  /** Of these, the ones that a broker queues. */
  private queueableCount = 0

  /** @throws PipelineError when the settings are invalid or, in safe mode, unsafe */
  constructor(
    private readonly settings: SourceSettings,
    private readonly broker: BrokerSettings,
    private readonly host: SourceHost,
  ) {
    this.clientId = clientIdOf(settings, broker)
    checkBrokerSettings(broker, this.clientId)
    this.filters = parseTopicFilters(settings.topic, settings.qos)
    this.messageIds = new MessageIds(settings.messageId, settings.messageIdName)
    const { tracking } = host
    this.redelivery = new Redelivery<readonly Arrived[]>({
      tracker: tracking.tracker,
      gateOpen: () => this.mayEmit,
      sourceId: settings.nodeId,
      deliveryTimeoutMs: settings.deliveryTimeoutMs,
      maxAttempts: settings.attempts,
      send: (output, message) => host.send(output, message),
      isWired: (output) => host.isWired(output),
      compose: (content, error) => this.compose(content, error),
      sizeOf: ({ length }) => length,
      split: (content) => content.map((arrived) => [arrived]),
      without: (content, stored) => this.without(content, stored),
      onSettled: (content) => this.settle(content),
      whenFiltered: settings.whenFiltered,
      onFiltered: ({ length }) => host.onFiltered(length),
    })
    this.gathering = new Gathering<Arrived>({
      maxMessages: settings.batchSize,
      lingerMs: settings.lingerMs,
      window: () => ({
        outstanding: this.session?.outstanding ?? 0,
        full: this.session?.windowFull === true || !this.mayEmit,
      }),
      flush: (batch, reason) => {
        distributionOf(this.batches, reason).add(batch.length)
        this.redelivery.emit(batch)
      },
    })
    this.flowCheck = new FlowCheck(
      settings.nodeId,
      () => tracking.flowConfigs(),
      // For the log only: the status asks for `problem`, which ends when the flow is fixed.
      (problem) => host.note(problem),
      settings.mode === 'batch' ? { kafka: [] } : undefined,
    )
    this.loss = new LossWatch(broker, performance.now(), (event) => host.note(event))
    this.releaseTracking = tracking.acquire(() => this.onGateOpen())
  }

  get state(): SourceState {
    return this.isPaused ? PAUSED : this.current
  }

  /** The operator has paused it. */
  get paused(): boolean {
    return this.isPaused
  }

  /** Messages that have arrived, since the start. */
  get arrived(): number {
    return this.arrivedCount
  }

  /** What has become of them. */
  get account(): Account {
    return this.redelivery.account
  }

  /** Messages that have arrived and wait for others. */
  get gathered(): number {
    return this.gathering.size
  }

  /** Connections since the start. */
  get connections(): number {
    return this.connectedCount
  }

  /** Unacknowledged messages at which it reads no more. */
  get windowMessages(): number {
    return this.settings.windowMessages
  }

  /** Messages that are not acknowledged. */
  get out(): number {
    return this.session?.size ?? 0
  }

  /** How long ago the oldest of them arrived. */
  get oldestMs(): number {
    return this.session?.oldestMs ?? 0
  }

  /** From this age on a message that no sink holds is emitted again. */
  get deliveryTimeoutMs(): number {
    return this.settings.deliveryTimeoutMs
  }

  /** Nothing more is read before something is acknowledged. */
  get windowFull(): boolean {
    return this.session?.windowFull === true
  }

  /** When the broker's queue is full, while nothing is read from it. */
  get queueForecast(): QueueForecast | undefined {
    return this.loss.forecast
  }

  /** What the broker has probably dropped. */
  get possibleLoss(): PipelineError | undefined {
    return this.loss.reported
  }

  /** Messages that failed for good and are stored nowhere. */
  get heldCount(): number {
    return this.redelivery.heldCount
  }

  get problem(): PipelineError | undefined {
    return this.failing ?? this.flowCheck.problem
  }

  /** Why messages wait that may be for us or for an old subscription. */
  get doubt(): PipelineError | undefined {
    return this.session?.doubt
  }

  /** The error of what is waiting to be sent again, or held. */
  get failing(): PipelineError | undefined {
    return this.redelivery.problem
  }

  /** Connects as soon as the first output is wired and the client id is free. */
  start(): void {
    if (this.session !== undefined || this.starting !== undefined || this.stopped.signal.aborted) return
    if (this.isPaused) return
    if (!this.host.isWired(MESSAGES)) return this.enter({ kind: 'unwired' })
    this.starting = this.connect().finally(() => (this.starting = undefined))
  }

  /** Looks after what the broker may drop. Call it about once a second. */
  look(nowMs: number): void {
    const { session } = this
    this.loss.observe(nowMs, {
      arrived: this.queueableCount,
      acknowledged: session?.acknowledged ?? 0,
      outstanding: session?.outstanding ?? 0,
      reading: session?.reading === true,
      holdUp: this.isPaused ? 'it is paused' : (this.failing ?? this.doubt ?? this.problem)?.message,
    })
  }

  /** Leaves the broker, which queues, and sends nothing into the flow until `resume`. What is in the flow is settled. */
  pause(): void {
    this.isPaused = true
    this.session?.suspend()
    this.host.onChange()
  }

  resume(): void {
    this.isPaused = false
    this.onGateOpen()
    this.host.onChange()
  }

  /** Waits for what sinks hold, acknowledges it, and disconnects; the broker keeps the session. */
  async close(): Promise<void> {
    this.stopped.abort(new Error('closed'))
    this.loss.stop()
    await this.starting
    this.session?.stopIntake()
    this.redelivery.account.handedBack += this.gathering.size
    this.gathering.clear()
    await this.redelivery.close(CLOSE_BUDGET_MS - DISCONNECT_BUDGET_MS)
    this.releaseTracking()
    if (this.session !== undefined) {
      await settlesWithin(this.session.close(), DISCONNECT_BUDGET_MS)
      this.loss.leave(this.queueableCount, this.session.unacknowledged)
    }
    this.claim?.release()
  }

  private async connect(): Promise<void> {
    const { settings, broker } = this
    const key = `${this.clientId} ${broker.urls.map(({ host }) => host).join(' ')}`
    try {
      this.claim = await clientIds.claim(key, settings.nodeId, this.stopped.signal, (byNode) =>
        this.enter({ kind: 'clientIdTaken', byNode }),
      )
    } catch {
      // Closed while it was waiting.
      return
    }
    if (this.stopped.signal.aborted) return
    this.loss.claimed(this.claim.memory)
    this.session = new MqttSession(
      {
        broker,
        clientId: this.clientId,
        filters: this.filters,
        bounds: { maxMessages: settings.windowMessages, maxBytes: settings.windowBytes },
        memory: this.claim.memory,
        retained: settings.retained,
        otherTopics: settings.otherTopics,
      },
      {
        onMessage: (held, packet) => this.onMessage(held, packet),
        onState: (state) => this.enter(state),
        onWarning: (warning) => this.host.onWarning(warning),
        note: (event) => this.host.note(event),
      },
    )
    if (this.isPaused) this.session.suspend()
    else this.session.start()
  }

  private get mayEmit(): boolean {
    return this.host.tracking.gateOpen && !this.isPaused
  }

  private onGateOpen(): void {
    this.flowCheck.check()
    if (!this.mayEmit) return
    this.redelivery.gateOpened()
    this.session?.resume()
    this.start()
  }

  private onMessage(held: HeldMessage, packet: IPublishPacket): void {
    this.arrivedCount++
    if (packet.qos > 0) this.queueableCount++
    if (!this.mayEmit) this.session?.pause()
    const { topic, payload, properties } = packet
    const trace = activeTraces()?.receive(topic, payload.length, properties?.userProperties)
    const arrived = { held, fields: this.fieldsOf(packet), trace }
    if (this.settings.mode === 'batch') this.gathering.add(arrived)
    else this.redelivery.emit([arrived])
  }

  private fieldsOf({ topic, payload, qos, retain, properties }: IPublishPacket): MqttFields {
    const userProperties = properties?.userProperties
    const contentType = properties?.contentType
    const fields: MqttFields = {
      topic,
      payload,
      qos,
      retain,
      receivedAt: Date.now(),
      messageId: this.messageIds.idOf(payload as Buffer, userProperties),
    }
    if (userProperties !== undefined) fields.userProperties = { ...userProperties }
    if (contentType !== undefined) fields.contentType = contentType
    return fields
  }

  private compose(content: readonly Arrived[], error: PipelineError | undefined): Message {
    const first = content[0] as Arrived
    const message: Message =
      this.settings.mode === 'batch'
        ? { batch: true, payload: content.map(recordOf) }
        : (recordOf(first) as Message)
    if (error !== undefined) message.error = this.host.describe(error)
    return message
  }

  /** What is stored is acknowledged at once; the rest is not, and goes out again. */
  private without(content: readonly Arrived[], stored: ReadonlySet<number>): readonly Arrived[] {
    this.settle(content.filter((_arrived, place) => stored.has(place)))
    return content.filter((_arrived, place) => !stored.has(place))
  }

  private settle(content: readonly Arrived[]): void {
    for (const { held, trace } of content) {
      this.session?.settle(held)
      trace?.end()
    }
  }

  private enter(state: SourceState): void {
    this.current = state
    if (state.kind === 'connected') {
      this.connectedCount++
      this.loss.connectedTo(state.host)
    }
    this.host.onChange()
  }
}

/** A record of its own for each attempt: nodes of the flow change it. */
function recordOf({ fields, trace }: Arrived): WireRecord {
  const record = copyOf(fields) as WireRecord
  if (trace !== undefined) record.kafka = { headers: { ...trace.headers } }
  return record
}

/** The client id of a source; empty when neither it nor the broker configuration has one. */
export function clientIdOf(
  settings: Pick<SourceSettings, 'clientId' | 'nodeId'>,
  broker: BrokerSettings,
): string {
  if (settings.clientId !== '') return settings.clientId
  return broker.clientId === '' ? '' : `${broker.clientId}-${settings.nodeId}`
}
