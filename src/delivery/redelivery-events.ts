/** What the log says of messages that have failed in the flow: that some are sent again, or held, and when that is over. */
import type { PipelineError } from '../runtime/errors'
import type { EventLog } from '../runtime/event-log'
import { OutageLog } from '../runtime/outage-log'

/** A message that is sent again is no problem while it is out; the longest pause before it goes out is half of this. */
const SETTLE_MS = 60_000

/** The part of a source that tells. */
export interface Redelivering {
  /** The error of what is waiting to be sent again, or held. */
  readonly failing: PipelineError | undefined
  readonly heldCount: number
  /** Messages that are not settled. */
  readonly out: number
}

export class RedeliveryEvents {
  private readonly outage: OutageLog

  constructor(log: EventLog) {
    this.outage = new OutageLog(log, {
      away: 'REDELIVERY',
      back: 'REDELIVERY_OVER',
      backText: 'no message is waiting to be sent again',
      settleMs: SETTLE_MS,
    })
  }

  /** Call it as often as you like. */
  look({ failing, heldCount, out }: Redelivering): void {
    this.outage.look(failing, {
      code: heldCount > 0 ? 'MESSAGES_HELD' : 'REDELIVERY',
      counts: { out, held: heldCount },
    })
  }

  close(): void {
    this.outage.close()
  }
}
