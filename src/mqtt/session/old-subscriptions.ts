/**
 * Subscriptions that a session still has from an earlier configuration. A session outlives a restart, and only the broker
 * knows its filters, which it does not reveal: so a filter that was changed while Node-RED was down keeps sending messages,
 * of tenants that were taken out, and a second copy of those that the new filter matches.
 *
 * A message that no filter of ours matches may come from such a filter, and must not be emitted. Or it is ours, and the
 * broker has rewritten its topic, and must not be acknowledged unseen. What tells the two apart:
 *
 *  - its number: an MQTT 5 broker says with each message which subscription it is for, by a number that stands for the filter
 *  - a session that began in this process, and has had no other filters since, has no old subscription: the broker rewrites
 *  - a filter that brings topics which it matches is not rewritten. When each of ours has done so, the rest is old
 *
 * Until one of these is known it is in doubt. Filters are derived and unsubscribed only for what is old: a broker rewrites
 * an UNSUBSCRIBE as well, and would end the subscription that sends us what is in doubt.
 */
import { createHash } from 'node:crypto'
import type { SessionMemory } from '../loss/client-ids'
import { coveringFilters, groupsOf, matches } from './topic-filters'

/** What to do with messages that no filter matches, and that may be for us or for an old subscription. */
export const OTHER_TOPICS = ['wait', 'emit', 'leaveOut'] as const
export type OtherTopics = (typeof OTHER_TOPICS)[number]

export type Owner = 'ours' | 'old' | 'inDoubt'

export interface Judgement {
  readonly owner: Owner
  /** The broker has rewritten the topic, and no number says so: after a restart it would be in doubt. */
  readonly isRewritten: boolean
  /** Filters of which one may have sent it, when it is for another one than ours; once for each topic. */
  readonly behind: readonly string[]
}

/** Topics that filters are derived from in one connection. */
const MAX_TOPICS = 50
/** The largest subscription identifier (MQTT 5 §3.8.2.1.2). */
const MAX_IDENTIFIER = 268_435_455
const OURS: Judgement = { owner: 'ours', isRewritten: false, behind: [] }

export class OldSubscriptions {
  private readonly filters: readonly string[]
  private readonly identifiers: ReadonlySet<number>
  /** Stands for this set of filters. */
  private readonly digest: string
  private readonly asked = new Set<string>()
  /** Filters that have not brought a topic which they match. */
  private readonly unproven: Set<string>
  /** In this connection a message has come with a number of ours. */
  private numbersSeen = false
  /** All subscriptions of the session are known. */
  private isOurSession = false

  constructor(
    filters: Iterable<string>,
    private readonly memory: Pick<SessionMemory, 'begun' | 'rewrites'>,
    private readonly otherTopics: OtherTopics,
  ) {
    this.filters = [...filters].sort()
    this.identifiers = new Set(this.filters.map(subscriptionNumber))
    this.digest = this.filters.join('\0')
    this.unproven = new Set(this.filters)
  }

  connected(host: string, sessionPresent: boolean): void {
    const { memory, digest } = this
    this.asked.clear()
    this.numbersSeen = false
    if (!sessionPresent) memory.begun = { host, digest }
    this.isOurSession = memory.begun?.host === host && memory.begun.digest === digest
    if (!this.isOurSession) memory.begun = undefined
  }

  /** Filters that cover one of ours: each message would come for both. */
  get covering(): string[] {
    return this.derived(this.filters)
  }

  /** Whether messages in doubt can be judged now. */
  get isSettled(): boolean {
    return this.memory.rewrites === true || this.unproven.size === 0
  }

  /** @param identifiers of the subscriptions that the broker says this message is for */
  judge(topic: string, identifiers: readonly number[]): Judgement {
    const hasNumber = identifiers.some((identifier) => this.identifiers.has(identifier))
    if (hasNumber) this.numbersSeen = true
    if (hasNumber && this.isSettled) return OURS
    const filter = this.filters.find((each) => matches(each, topic))
    if (filter !== undefined) this.unproven.delete(filter)
    else if (hasNumber) this.memory.rewrites = true
    const isForUs = hasNumber || filter !== undefined
    const owner = isForUs ? 'ours' : this.ownerOf(identifiers)
    const isRewritten = owner === 'ours' && !isForUs
    // Before the first message with our number, those from the time before we subscribed may come.
    const isForOther = owner === 'old' || (filter !== undefined && this.numbersSeen && !hasNumber)
    if (!isForOther || this.asked.has(topic) || this.asked.size >= MAX_TOPICS)
      return { owner, isRewritten, behind: [] }
    this.asked.add(topic)
    return { owner, isRewritten, behind: this.derived([topic]) }
  }

  /** Of what no filter matches, and no number claims for us. */
  private ownerOf(identifiers: readonly number[]): Owner {
    const { memory, otherTopics } = this
    if (otherTopics !== 'wait') return otherTopics === 'emit' ? 'ours' : 'old'
    if (this.isOurSession) memory.rewrites = true
    else if (identifiers.length > 0) return 'old'
    if (memory.rewrites === true) return 'ours'
    return this.unproven.size === 0 ? 'old' : 'inDoubt'
  }

  /** An old filter may have shared a subscription in any group; in those of ours it is looked for. */
  private derived(topics: readonly string[]): string[] {
    const covering = topics.flatMap((topic) => coveringFilters(topic))
    const shared = groupsOf(this.filters).flatMap((group) =>
      covering.map((filter) => `$share/${group}/${filter}`),
    )
    return [...new Set([...covering, ...shared])].filter((filter) => !this.filters.includes(filter))
  }
}

/** The number of a filter's subscription, the same after a restart. */
export function subscriptionNumber(filter: string): number {
  return (createHash('sha256').update(filter).digest().readUInt32BE() % MAX_IDENTIFIER) + 1
}
