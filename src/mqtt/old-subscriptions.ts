/**
 * Subscriptions that a session still has from an earlier configuration. A session outlives a restart, and only the broker
 * knows its filters, which it tells nobody: so a filter that was changed while Node-RED was down goes on to send messages,
 * of tenants that were taken out, and a second copy of those that the new filter matches.
 *
 * What no filter of ours matches is not emitted. The filters that may have sent it are derived from its topic and
 * unsubscribed; a broker ignores those that it has not. An MQTT 5 broker says with each message which subscription it is
 * for, by a number that stands for our set of filters: a message with that number is ours also when the broker has
 * rewritten its topic.
 */
import { createHash } from 'node:crypto'
import { coveringFilters, matches } from './topic-filters'

/** Topics that filters are derived from in one connection. */
const MAX_TOPICS = 50
/** The largest subscription identifier (MQTT 5 §3.8.2.1.2). */
const MAX_IDENTIFIER = 268_435_455

export class OldSubscriptions {
  /** Stands for this set of filters, also after a restart. */
  readonly identifier: number
  private readonly filters: readonly string[]
  private readonly asked = new Set<string>()
  /** In this connection a message has come with our number. */
  private numbersSeen = false

  constructor(filters: Iterable<string>) {
    this.filters = [...filters].sort()
    const digest = createHash('sha256').update(this.filters.join('\0')).digest()
    this.identifier = (digest.readUInt32BE() % MAX_IDENTIFIER) + 1
  }

  connected(): void {
    this.asked.clear()
    this.numbersSeen = false
  }

  /** Filters that cover one of ours: each message would come for both. */
  get covering(): string[] {
    return this.without(this.filters.flatMap((filter) => coveringFilters(filter)))
  }

  /**
   * @param identifiers of the subscriptions that the broker says this message is for
   * @returns whether it is for a filter of ours, and filters of which one may have sent it when it is for another one,
   *   once for each topic
   */
  judge(topic: string, identifiers: readonly number[]): { isOurs: boolean; behind: readonly string[] } {
    const hasNumber = identifiers.includes(this.identifier)
    if (hasNumber) this.numbersSeen = true
    const isOurs = hasNumber || this.filters.some((filter) => matches(filter, topic))
    // Before the first message with our number, those from the time before we subscribed may come.
    const isForOther = !isOurs || (this.numbersSeen && !hasNumber)
    if (!isForOther || this.asked.has(topic) || this.asked.size >= MAX_TOPICS) return { isOurs, behind: [] }
    this.asked.add(topic)
    return { isOurs, behind: this.without(coveringFilters(topic)) }
  }

  private without(filters: readonly string[]): string[] {
    return [...new Set(filters)].filter((filter) => !this.filters.includes(filter))
  }
}
