/**
 * One network connection to one broker, from CONNECT to its end. It never reconnects: `session.ts` opens the next
 * one, so that everything which belongs to a connection ends with it.
 */
import type {
  IClientOptions,
  IClientSubscribeProperties,
  IConnackPacket,
  IPublishPacket,
  ISubscriptionMap,
  MqttClient,
} from 'mqtt'
import { settlesWithin } from '../../time/deadline'
import type { PipelineError } from '../../wire/errors'
import { tlsOf, usesTls, type BrokerUrl, type ProtocolVersion } from './broker-settings'
import {
  deferAcknowledgements,
  writeAcknowledgements,
  type Acknowledgement,
  type QoS,
} from './deferred-acknowledgement'
import { dial } from './dial'
import { MAX_PACKET_BYTES, packetsOf } from './filter-packets'
import { closedByBroker, connectionError, refusedWith } from './refusals'

export interface ConnectionOptions {
  readonly url: BrokerUrl
  readonly protocolVersion: ProtocolVersion
  readonly clientId: string
  readonly cleanSession: boolean
  readonly keepAliveSeconds: number
  readonly sessionExpirySeconds: number
  /** Messages that the broker may send before it has an acknowledgement; MQTT 5 only. */
  readonly receiveMaximum: number
  /** How long it may take until the broker has accepted us. */
  readonly connectTimeoutMs: number
  readonly username?: string
  readonly password?: string
  readonly tls?: object
  readonly renewTls?: () => object
}

/** What the broker granted. */
export interface Granted {
  readonly sessionPresent: boolean
  /** `undefined` in MQTT 3.1.1: the broker's own rules, which it does not tell. */
  readonly sessionExpirySeconds: number | undefined
  /** The broker's own when it insists on another one than was asked for. */
  readonly keepAliveSeconds: number
  /** False when an MQTT 5 broker says that it has none. In 3.1.1 only the answer to a SUBSCRIBE tells. */
  readonly wildcards: boolean
  readonly sharedSubscriptions: boolean
  /** Whether a subscription may have a number, with which its messages come; never in 3.1.1. */
  readonly subscriptionIdentifiers: boolean
  /** The largest packet that the broker takes, in bytes. */
  readonly maximumPacketBytes: number
}

export interface ConnectionHandlers {
  /** The broker has accepted us. Called before the first packet of the session is handed out. */
  onConnected(granted: Granted): void
  /** `proceed` lets the parser read on; until then nothing else of this connection is read. */
  onPublish(packet: IPublishPacket, proceed: () => void): void
  onPubrel(packetId: number): void
  /** The end, exactly once, also of a connection that never stood. */
  onClosed(reason: PipelineError): void
}

const DISCONNECT_LIMIT_MS = 2_000

export class Connection {
  private readonly client: MqttClient
  private failure: PipelineError | undefined
  private closed = false
  /** The network stands; of a WebSocket that cannot be told. */
  private opened = false
  private ending = false
  private heldBack: (() => void) | undefined
  private pingMovedAtMs = performance.now()
  /** Something has come from the broker since the ping was moved. */
  private heard = false

  constructor(
    private readonly options: ConnectionOptions,
    private readonly handlers: ConnectionHandlers,
  ) {
    const client = dial(options.url, () => tlsOf(options), clientOptions(options))
    this.client = client
    deferAcknowledgements(client, {
      onPublish: (packet, proceed) => this.onPublish(packet, proceed),
      onPubrel: (packetId) => handlers.onPubrel(packetId),
    })
    client.on('packetreceive', (packet) => {
      this.heard = true
      if (packet.cmd === 'connack') this.onConnack(packet)
    })
    client.stream.once(usesTls(options.url) ? 'secureConnect' : 'connect', () => (this.opened = true))
    client.on('error', (error) => (this.failure ??= connectionError(error, options.url.host, this.opened)))
    client.on('disconnect', ({ reasonCode = 0 }) => {
      if (reasonCode > 0) this.failure = refusedWith(reasonCode, options.url.host)
    })
    client.on('close', () => this.onClosed())
  }

  /**
   * Subscribes, and for MQTT 5 asks for retained messages only where the subscription is new.
   * @param identifierOf the number that messages of a filter come with, where the broker has such: one for each SUBSCRIBE
   * @returns the granted QoS, or a reason code from 128 on, for each filter in order
   * @throws PipelineError when a filter does not fit into a packet that the broker takes
   */
  async subscribe(
    filters: ReadonlyMap<string, QoS>,
    identifierOf: (filter: string) => number,
    limits: Pick<Granted, 'subscriptionIdentifiers' | 'maximumPacketBytes'>,
  ): Promise<number[]> {
    const { subscriptionIdentifiers, maximumPacketBytes } = limits
    const { host } = this.options.url
    const perPacket = subscriptionIdentifiers ? 1 : undefined
    const answers: number[] = []
    for (const part of packetsOf([...filters.keys()], maximumPacketBytes, host, perPacket)) {
      const properties = subscriptionIdentifiers
        ? { subscriptionIdentifier: identifierOf(part[0] as string) }
        : undefined
      const wanted = part.map((filter) => [filter, { qos: filters.get(filter), rh: 1 }] as const)
      answers.push(...(await this.subscribePart(Object.fromEntries(wanted) as ISubscriptionMap, properties)))
    }
    return answers
  }

  private async subscribePart(
    wanted: ISubscriptionMap,
    properties: IClientSubscribeProperties['properties'],
  ): Promise<number[]> {
    try {
      const granted = await this.client.subscribeAsync(wanted, { qos: 0, ...(properties && { properties }) })
      return granted.map(({ qos }) => qos)
    } catch (error) {
      const { packet } = error as { packet?: { granted?: unknown } }
      if (Array.isArray(packet?.granted)) return packet.granted as number[]
      throw connectionError(error, this.options.url.host)
    }
  }

  async unsubscribe(filters: readonly string[], maximumPacketBytes = MAX_PACKET_BYTES): Promise<void> {
    const parts = packetsOf(filters, maximumPacketBytes, this.options.url.host)
    await Promise.all(parts.map((part) => this.client.unsubscribeAsync([...part])))
  }

  /** Writes acknowledgements of messages of this connection, in order. */
  acknowledge(acknowledgements: readonly Acknowledgement[]): boolean {
    if (this.closed || this.ending) return false
    if (!writeAcknowledgements(this.client, acknowledgements)) return false
    this.postponePing()
    return true
  }

  /** Ends the connection in order; the broker keeps the session. Whatever still arrives is dropped. */
  async disconnect(): Promise<void> {
    if (this.closed) return
    if (!this.client.connected) return this.cut()
    this.discard()
    const ended = new Promise<void>((resolve) => this.client.end(false, {}, () => resolve()))
    if (!(await settlesWithin(ended, DISCONNECT_LIMIT_MS))) this.client.stream.destroy()
  }

  /** Ends the connection because of something that it cannot be used with. */
  fail(reason: PipelineError): void {
    this.failure ??= reason
    void this.disconnect()
  }

  /** Ends the connection at once. */
  cut(): void {
    this.discard()
    this.client.end(true)
  }

  private onPublish(packet: IPublishPacket, proceed: () => void): void {
    // MQTT.js hands out the rest of a chunk also after the connection has ended.
    if (this.closed || this.ending || !this.client.connected) proceed()
    else {
      this.heldBack = proceed
      this.handlers.onPublish(packet, () => {
        if (this.heldBack !== proceed) return
        this.heldBack = undefined
        proceed()
      })
    }
  }

  /** From now on the socket is only emptied, so that it can end. */
  private discard(): void {
    this.ending = true
    const proceed = this.heldBack
    this.heldBack = undefined
    proceed?.()
  }

  private onConnack(packet: IConnackPacket): void {
    const { reasonCode, returnCode, sessionPresent, properties } = packet
    if ((reasonCode ?? returnCode ?? 0) > 0 || this.ending) return
    const asked = this.options.sessionExpirySeconds
    const v5 = this.options.protocolVersion === 5
    this.handlers.onConnected({
      sessionPresent,
      sessionExpirySeconds: v5 ? (properties?.sessionExpiryInterval ?? asked) : undefined,
      // 0: the broker never gives a connection up, so ours counts.
      keepAliveSeconds: properties?.serverKeepAlive || this.options.keepAliveSeconds,
      wildcards: properties?.wildcardSubscriptionAvailable ?? true,
      sharedSubscriptions: properties?.sharedSubscriptionAvailable ?? true,
      subscriptionIdentifiers: v5 && (properties?.subscriptionIdentifiersAvailable ?? true),
      maximumPacketBytes: properties?.maximumPacketSize ?? MAX_PACKET_BYTES,
      // The broker's receive maximum and maximum QoS bound what a client publishes, and we publish nothing; a granted
      // QoS that is lower than asked for is seen in SUBACK.
    })
  }

  private onClosed(): void {
    if (this.closed) return
    this.closed = true
    this.discard()
    this.handlers.onClosed(this.failure ?? closedByBroker(this.options.url.host))
  }

  /**
   * While a broker sends more than we may take, its PINGRESP waits behind thousands of messages. Messages that
   * come in while acknowledgements go out show as well that both sides are alive. Acknowledgements alone do not:
   * they can be written into a dead connection.
   */
  private postponePing(): void {
    const now = performance.now()
    if (!this.heard || now - this.pingMovedAtMs < this.client.keepalive * 250) return
    this.pingMovedAtMs = now
    this.heard = false
    this.client.reschedulePing(true)
  }
}

function clientOptions(options: ConnectionOptions): IClientOptions & { readonly connectTimeout: number } {
  const { protocolVersion, username, password, url, sessionExpirySeconds, receiveMaximum, cleanSession } =
    options
  const user = username ?? url.username
  const secret = password ?? url.password
  return {
    protocolVersion,
    clientId: options.clientId,
    clean: cleanSession,
    keepalive: options.keepAliveSeconds,
    reconnectPeriod: 0,
    resubscribe: false,
    connectTimeout: options.connectTimeoutMs,
    ...(user !== undefined && { username: user }),
    ...(secret !== undefined && { password: secret }),
    ...(protocolVersion === 5 && {
      properties: { receiveMaximum, sessionExpiryInterval: cleanSession ? 0 : sessionExpirySeconds },
    }),
  }
}
