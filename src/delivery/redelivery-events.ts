/**
 * What the log says of messages that were not stored: that some have failed and are sent again, or held, and when that
 * is over; and how many the flow has ended on purpose.
 */
import type { PipelineError } from '../wire/errors'
import { CountLog } from '../log/count-log'
import type { EventLog } from '../log/event-log'
import { OutageLog } from '../log/outage-log'

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
  private readonly filtered: CountLog

  constructor(log: EventLog, now?: () => number) {
    this.outage = new OutageLog(log, {
      away: 'REDELIVERY',
      back: 'REDELIVERY_OVER',
      backText: 'no message is waiting to be sent again',
      settleMs: SETTLE_MS,
      ...(now && { now }),
    })
    this.filtered = new CountLog(log, {
      code: 'FILTERED',
      text: (count) =>
        `the flow has ended ${count} ${count === 1 ? 'record' : 'records'} on purpose; acknowledged`,
    })
  }

  /** Call it as often as you like. */
  observe({ failing, heldCount, out }: Redelivering): void {
    this.outage.report(failing, {
      code: heldCount > 0 ? 'MESSAGES_HELD' : 'REDELIVERY',
      counts: { out, held: heldCount },
    })
  }

  noteFiltered(count: number): void {
    this.filtered.add(count)
  }

  close(): void {
    this.outage.close()
    this.filtered.close()
  }
}
