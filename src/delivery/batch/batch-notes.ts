/** What a `tenant-batch` node tells of itself: its status, and in the log what came too late. */
import { CountLog } from '../../log/count-log'
import type { EventLog } from '../../log/event-log'
import { phrase } from '../../status/phrase'
import { Rate } from '../../status/rate'
import type { Status } from '../../status/status'

/** A warning stays for so long after the latest message that it is about. */
const RECENT_MS = 60_000

/** Messages of a kind, and when the latest of them came. */
interface Seen {
  count: number
  latestMs: number
}

export class BatchNotes {
  private readonly rate: Rate
  private readonly lateLog: CountLog
  private passed = 0
  private readonly late: Seen = { count: 0, latestMs: 0 }
  private readonly unbatched: Seen = { count: 0, latestMs: 0 }

  constructor(log: EventLog, nowMs: number) {
    this.rate = new Rate(nowMs)
    this.lateLog = new CountLog(log, {
      code: 'LATE_COPY',
      text: (count) =>
        `${count} ${count === 1 ? 'message has' : 'messages have'} come after the batch had left this join, and ` +
        `${count === 1 ? 'was' : 'were'} refused`,
    })
  }

  /** Records that were split off, or joined. */
  notePassed(count: number): void {
    this.passed += count
  }

  /** A message that is no part of a batch, and was sent on as it is. */
  noteUnbatched(): void {
    note(this.unbatched)
  }

  noteLate(): void {
    note(this.late)
    this.lateLog.add(1)
  }

  /** @param waiting messages that wait for the others of their batch */
  status(waiting: number, nowMs: number): Status {
    const isRecent = ({ count, latestMs }: Seen): boolean => count > 0 && nowMs - latestMs < RECENT_MS
    const { late, unbatched } = this
    const rate = this.rate.measure(this.passed, nowMs)
    if (isRecent(late))
      return { fill: 'red', shape: 'dot', text: phrase('cameTooLate', { number: late.count }) }
    if (isRecent(unbatched))
      return { fill: 'yellow', shape: 'dot', text: phrase('withoutBatch', { number: unbatched.count }) }
    const text = waiting === 0 ? [rate] : [rate, phrase('waitingForBatch', { number: waiting })]
    return { fill: 'green', shape: 'dot', text }
  }

  close(): void {
    this.lateLog.close()
  }
}

function note(seen: Seen): void {
  seen.count++
  seen.latestMs = performance.now()
}
