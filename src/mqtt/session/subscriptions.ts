/**
 * Sees to it that the broker's session has our filters and no others, and compares what the broker grants with what the
 * promise needs.
 */
import type { PipelineError } from '../../wire/errors'
import type { BrokerSettings, ProtocolVersion } from '../connect/broker-settings'
import type { Connection, Granted } from '../connect/connection'
import type { QoS } from '../connect/deferred-acknowledgement'
import type { SessionMemory } from '../loss/client-ids'
import { subscriptionNumber, type OldSubscriptions } from './old-subscriptions'
import {
  checkAvailable,
  checkGranted,
  noSession,
  sameFilters,
  sessionLost,
  sessionNew,
  shorterExpiry,
} from './session-checks'

/**
 * With MQTT 3.1.1 the filters are sent again at each connection for this long after they have changed: twice the time in
 * which Mosquitto saves its sessions by default (`autosave_interval`, 30 minutes).
 */
const UNSAVED_FILTERS_MS = 60 * 60_000

export interface SubscriptionOptions {
  readonly broker: BrokerSettings
  readonly filters: ReadonlyMap<string, QoS>
  readonly memory: SessionMemory
  readonly oldSubscriptions: OldSubscriptions
  readonly now: () => number
  readonly onWarning: (warning: PipelineError) => void
  readonly note: (event: PipelineError) => void
}

export class Subscriptions {
  private warnedOfExpiry = false
  private notedNewSession = false

  constructor(private readonly options: SubscriptionOptions) {}

  /** Whether the session should have all of our filters already. */
  areIn({ sessionPresent }: Granted): boolean {
    return sessionPresent && sameFilters(this.options.memory.filters, this.options.filters)
  }

  /** @throws PipelineError when the broker grants less than the promise needs */
  check(granted: Granted, host: string): void {
    const { broker, filters, memory, onWarning, note } = this.options
    const { sessionPresent, sessionExpirySeconds = Infinity } = granted
    if (!broker.cleanSession) {
      if (!sessionPresent && memory.lastConnectedMs !== undefined) {
        onWarning(sessionLost(host, memory.lastConnectedMs))
      } else if (!sessionPresent && !this.notedNewSession) {
        this.notedNewSession = true
        note(sessionNew(host))
      }
      if (sessionExpirySeconds < broker.sessionExpirySeconds) {
        if (sessionExpirySeconds === 0 && broker.safe) throw noSession(host)
        if (!this.warnedOfExpiry) {
          this.warnedOfExpiry = true
          onWarning(shorterExpiry(host, sessionExpirySeconds, broker.sessionExpirySeconds))
        }
      }
    }
    checkAvailable(filters.keys(), granted, host)
  }

  /** Subscribes where that is needed. @throws PipelineError when the broker refuses a filter, or grants a lower QoS */
  async complete(
    connection: Connection,
    granted: Granted,
    host: string,
    version: ProtocolVersion,
  ): Promise<void> {
    const { broker, filters } = this.options
    if (granted.sessionPresent && !this.mayLackFilters(version)) return
    const answers = await connection.subscribe(filters, subscriptionNumber, granted)
    checkGranted(filters, answers, broker.safe, host)
    if (granted.sessionPresent) await this.unsubscribeOthers(connection)
  }

  /** All of our filters are in the session now. */
  noteComplete(): void {
    const { filters, memory, now } = this.options
    if (!sameFilters(memory.filters, filters)) memory.filtersChangedMs = now()
    memory.filters = new Map(filters)
  }

  /** Nothing waits for the answer, nor depends on it. */
  unsubscribe(connection: Connection, filters: readonly string[]): void {
    connection.unsubscribe(filters).catch(() => undefined)
  }

  /** What the session has besides our filters: known ones, or, after a restart, those that could send messages twice. */
  private async unsubscribeOthers(connection: Connection): Promise<void> {
    const { filters, memory, oldSubscriptions } = this.options
    const gone = [...memory.filters.keys()].filter((name) => !filters.has(name))
    if (memory.filters.size > 0) await connection.unsubscribe(gone)
    else this.unsubscribe(connection, oldSubscriptions.covering)
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
  private mayLackFilters(version: ProtocolVersion): boolean {
    const { filters, memory, now } = this.options
    if (version === 5 || !sameFilters(memory.filters, filters)) return true
    return now() - (memory.filtersChangedMs ?? -Infinity) < UNSAVED_FILTERS_MS
  }
}
