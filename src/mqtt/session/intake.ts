/**
 * What a session does with a message that arrives: hand it out, drop it, or keep it until it is known for which
 * subscription it came (`old-subscriptions.ts`). Until then it is neither emitted nor acknowledged.
 */
import type { IPublishPacket } from 'mqtt'
import type { PipelineError } from '../../wire/errors'
import type { HeldMessage } from './acknowledgement-window'
import type { OldSubscriptions, OtherTopics, Owner } from './old-subscriptions'
import { outsideFilters } from './session-checks'

/** What happens to messages that the broker has kept from before the subscription; the first is the default. */
export const RETAINED = ['emit', 'leaveOut'] as const
export type Retained = (typeof RETAINED)[number]

export interface IntakeOptions {
  readonly oldSubscriptions: OldSubscriptions
  readonly retained: Retained | undefined
  readonly otherTopics: OtherTopics
  readonly emit: (message: HeldMessage, packet: IPublishPacket) => void
  /** Acknowledges a message that is not emitted. */
  readonly drop: (message: HeldMessage) => void
  readonly unsubscribe: (filters: readonly string[]) => void
  readonly note: (event: PipelineError) => void
}

export class Intake {
  private inDoubt: { readonly message: HeldMessage; readonly packet: IPublishPacket }[] = []
  /** Of these the log has a line. */
  private readonly noted = new Set<Owner>()

  constructor(private readonly options: IntakeOptions) {}

  /** Why messages wait that no filter matches; `undefined` when there are none. */
  get doubt(): PipelineError | undefined {
    const [first] = this.inDoubt
    return first === undefined ? undefined : outsideFilters(first.packet.topic, 'inDoubt')
  }

  take(message: HeldMessage, packet: IPublishPacket): void {
    this.receive(message, packet)
    if (this.inDoubt.length === 0 || !this.options.oldSubscriptions.isSettled) return
    // With this message it is known whose the others are.
    for (const waiting of this.inDoubt.splice(0)) this.receive(waiting.message, waiting.packet)
  }

  private receive(message: HeldMessage, packet: IPublishPacket): void {
    const { retained, emit, drop } = this.options
    const owner = this.ownerOf(packet)
    if (owner === 'inDoubt') this.inDoubt.push({ message, packet })
    else if (owner === 'old' || (packet.retain && retained === 'leaveOut')) drop(message)
    else emit(message, packet)
  }

  private ownerOf({ topic, properties }: IPublishPacket): Owner {
    const { oldSubscriptions, otherTopics, unsubscribe, note } = this.options
    const identifiers = [properties?.subscriptionIdentifier ?? []].flat()
    const { owner, isRewritten, behind } = oldSubscriptions.judge(topic, identifiers)
    if (behind.length > 0) unsubscribe(behind)
    const isWorthALine = owner !== 'ours' || (isRewritten && otherTopics !== 'emit')
    if (isWorthALine && !this.noted.has(owner)) {
      this.noted.add(owner)
      note(outsideFilters(topic, owner))
    }
    return owner
  }
}
