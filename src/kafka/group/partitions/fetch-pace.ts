/**
 * When the next fetch from a broker begins, and how long it may wait for records.
 *
 * *Gathering*: an answer that brought all that there was opens a round of `lingerMs`, at the end of which its broker is
 * asked again. What arrives meanwhile comes with one answer, for all partitions together: a thousand records a second are
 * 40 fetches and not hundreds. Brokers that answer during a round share its end. There is no round after an answer
 * without records (the next record is handed on as soon as it is written), nor after one that left records behind (a
 * backlog is read without pauses).
 *
 * *Waiting*: a fetch without records waits at the broker, for long while every partition is asked for. A partition that is
 * paused when the fetch begins, and wanted a moment later, has to wait for its end: then it is short.
 *
 * The batches of one answer reach the flow in the same turn of the event loop, as long as their partitions are idle: a
 * sink may count on it to store them together. So nothing here, and nothing between an answer and `onBatch`, waits for
 * a single partition.
 */

/** What a fetch has brought: nothing, all that could be read, or a part of it. */
export type Answered = 'nothing' | 'everything' | 'part'

export interface FetchPaceOptions {
  /** 0: no round is ever waited for. */
  readonly lingerMs: number
  /** Of a fetch that asks for every partition. */
  readonly maxWaitMs: number
  /** See `Fetching.whole`. */
  readonly whole: () => number | undefined
  readonly now?: () => number
}

/** Of a fetch that does not ask for every partition. */
const SHORT_WAIT_MS = 100

export class FetchPace {
  private readonly now: () => number
  private roundEndsAtMs = -Infinity
  /** When a broker may be asked again. */
  private readonly dueAtMs = new Map<string, number>()
  /** Of the fetch that has begun. */
  private readonly wholeAtBegin = new Map<string, number | undefined>()
  private readonly resting = new Set<() => void>()

  constructor(private readonly options: FetchPaceOptions) {
    this.now = options.now ?? (() => performance.now())
  }

  /** The client is about to look which partitions it asks this broker for. */
  begin(broker: string): void {
    this.wholeAtBegin.set(broker, this.options.whole())
  }

  /** How long the fetch that has begun may wait for records. */
  waitMs(broker: string): number {
    const { maxWaitMs, whole } = this.options
    const now = whole()
    const isWhole = now !== undefined && now === this.wholeAtBegin.get(broker)
    return isWhole ? maxWaitMs : Math.min(SHORT_WAIT_MS, maxWaitMs)
  }

  answered(broker: string, answered: Answered): void {
    const { lingerMs } = this.options
    if (answered !== 'everything' || lingerMs === 0) return
    const nowMs = this.now()
    if (this.roundEndsAtMs <= nowMs) this.roundEndsAtMs = nowMs + lingerMs
    this.dueAtMs.set(broker, this.roundEndsAtMs)
  }

  /** How long the next fetch from this broker has to wait. */
  restMs(broker: string): number {
    const leftMs = Math.ceil((this.dueAtMs.get(broker) ?? -Infinity) - this.now())
    if (leftMs > 0) return leftMs
    this.dueAtMs.delete(broker)
    return 0
  }

  /**
   * Waits for the end of the round, or for `limitMs`.
   * @returns whether it had to wait: by now, other partitions may be wanted
   */
  async rest(broker: string, limitMs: number): Promise<boolean> {
    const ms = this.restMs(broker)
    if (ms === 0) return false
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        this.resting.delete(wake)
        resolve()
      }
      // A timer may be early by a part of a millisecond.
      const timer = setTimeout(wake, Math.min(ms + 1, limitMs))
      this.resting.add(wake)
    })
    return true
  }

  /** The partitions are given up, or shared out again: nothing waits for the end of the round. */
  end(): void {
    this.dueAtMs.clear()
    for (const wake of this.resting) wake()
  }
}
