/**
 * Watches how many messages a broker says that it has dropped. It has a connection of its own: on the session's
 * connection nothing is read while the flow stands, which is just when the broker drops; and a broker whose rules
 * forbid `$SYS` may end the connection of a client that asks for it.
 *
 * The counter belongs to the broker, so all sources of a broker and user share one watch. What it said last is
 * remembered over a deploy.
 */
import { randomBytes } from 'node:crypto'
import type { MqttClient } from 'mqtt'
import { tlsOf, type BrokerSettings, type BrokerUrl } from '../connect/broker-settings'
import { dial } from '../connect/dial'
import { DropCounter, type Drops } from './drop-counter'

const TOPIC = '$SYS/broker/publish/messages/dropped'
const CONNECT_TIMEOUT_MS = 20_000
const RECONNECT_MS = 10_000
/** A broker that has this counter keeps it as a retained message, so it comes at once. */
const SILENCE_MS = 15_000
/** So often a connection may end without a value before this broker counts as one without a counter. */
const MAX_VAIN = 3
const FIRST_REFUSAL = 128

export interface DropListener {
  onDrops(drops: Drops): void
  /** This broker does not tell. Said once in the life of this process. */
  onUnwatched(): void
}

export interface Following {
  /** Whether the broker has told its count. */
  readonly watched: boolean
  stop(): void
}

export class DropWatches {
  private readonly watches = new Map<string, Watch>()

  follow(url: BrokerUrl, broker: BrokerSettings, listener: DropListener): Following {
    const key = `${url.protocol}://${url.host}${url.path} ${broker.username ?? url.username ?? ''}`
    const watch = this.watches.get(key) ?? new Watch()
    this.watches.set(key, watch)
    watch.add(listener, url, broker)
    return {
      get watched() {
        return watch.watched
      },
      stop: () => watch.remove(listener),
    }
  }
}

/** The watches of this process. */
export const dropWatches = new DropWatches()

class Watch {
  watched = false
  private readonly counter = new DropCounter()
  private readonly listeners = new Set<DropListener>()
  private client: MqttClient | undefined
  private silence: NodeJS.Timeout | undefined
  private vain = 0
  private told = false

  add(listener: DropListener, url: BrokerUrl, broker: BrokerSettings): void {
    this.listeners.add(listener)
    if (this.client === undefined) this.open(url, broker)
  }

  remove(listener: DropListener): void {
    this.listeners.delete(listener)
    if (this.listeners.size === 0) this.close()
  }

  private open(url: BrokerUrl, broker: BrokerSettings): void {
    this.vain = 0
    let client: MqttClient
    try {
      client = dial(url, () => tlsOf(broker), {
        clientId: `${broker.clientId}-watch-${randomBytes(4).toString('hex')}`,
        protocolVersion: broker.protocol === '5' ? 5 : 4,
        clean: true,
        connectTimeout: CONNECT_TIMEOUT_MS,
        reconnectPeriod: RECONNECT_MS,
        ...credentials(url, broker),
      })
    } catch {
      // The session's connection says what is wrong with these settings.
      return
    }
    this.client = client
    client.on('connect', () => {
      client.subscribe(TOPIC, { qos: 0 }, (error, granted) => {
        if (error || (granted?.[0]?.qos ?? 0) >= FIRST_REFUSAL) this.unwatched()
      })
      clearTimeout(this.silence)
      this.silence = setTimeout(() => this.unwatched(), SILENCE_MS)
    })
    client.on('message', (_topic, payload) => this.onValue(Number(payload.toString())))
    client.on('close', () => {
      if (client === this.client && ++this.vain >= MAX_VAIN) this.unwatched()
    })
    // A refusal is followed by a close.
    client.on('error', () => undefined)
  }

  private onValue(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) return
    clearTimeout(this.silence)
    this.vain = 0
    this.watched = true
    const drops = this.counter.next(value)
    if (drops !== undefined) for (const listener of this.listeners) listener.onDrops(drops)
  }

  /** Nothing comes. A broker that has told before is away, and will tell again. */
  private unwatched(): void {
    if (this.watched) return
    this.close()
    if (this.told) return
    this.told = true
    for (const listener of this.listeners) listener.onUnwatched()
  }

  private close(): void {
    clearTimeout(this.silence)
    const { client } = this
    this.client = undefined
    client?.end(true)
  }
}

function credentials(url: BrokerUrl, broker: BrokerSettings): { username?: string; password?: string } {
  const username = broker.username ?? url.username
  const password = broker.password ?? url.password
  return { ...(username !== undefined && { username }), ...(password !== undefined && { password }) }
}
