/**
 * Gathers messages into batches for the wires. A batch goes out when it is large enough, when its first message
 * has waited long enough, or when the broker will send nothing more before it gets acknowledgements.
 *
 * What costs at ordinary rates is not the messages but what is done once for each batch: a record batch, a request, a write of
 * acknowledgements. So few messages wait for the whole linger time, and those that are many already after a few
 * milliseconds do not: there is little to gain any more, and the broker waits for us.
 *
 * The window of the broker is known in MQTT 5 (it is ours). In 3.1.1 it is the broker's (20 in Mosquitto) and it does not
 * tell: it is learned. When two batches in a row had to wait for their time although more could have come, and both ended with
 * the same number, that was all the broker would send. When more come all the same, that was wrong, and it is learned
 * again. A few messages a second look like a window of one: each of them goes out at once.
 */
export type FlushReason = 'size' | 'time' | 'window'

export interface GatheringOptions<T> {
  readonly maxMessages: number
  readonly lingerMs: number
  /** Messages that the broker has no acknowledgement for, and whether our own bound is reached. */
  readonly window: () => { readonly outstanding: number; readonly full: boolean }
  readonly flush: (batch: T[], reason: FlushReason) => void
}

/** After which a batch of `ENOUGH` messages waits no longer. */
const FIRST_LOOK_MS = 3
const ENOUGH = 10
/** A small window that was learned may have been a low rate: after as many batches, one waits again. */
const DOUBT_AFTER = 100

export class Gathering<T> {
  private batch: T[] = []
  private timer: NodeJS.Timeout | undefined
  private learnedWindow = Infinity
  /** What the last batch ended with, when nothing more had come for most of its time. */
  private endedWith: number | undefined
  private ofSmallWindow = 0

  constructor(private readonly options: GatheringOptions<T>) {}

  /** Messages that wait for others. */
  get size(): number {
    return this.batch.length
  }

  add(item: T): void {
    const { maxMessages, lingerMs, window } = this.options
    this.batch.push(item)
    const { outstanding, full } = window()
    if (outstanding > this.learnedWindow) this.learnedWindow = Infinity
    if (this.batch.length >= maxMessages) this.flush('size')
    else if (full || this.isUsedUp(outstanding)) this.flush('window')
    else this.timer ??= setTimeout(() => this.firstLook(), Math.min(lingerMs, FIRST_LOOK_MS))
  }

  /** Forgets what has been gathered. */
  clear(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.batch = []
  }

  private isUsedUp(outstanding: number): boolean {
    if (outstanding < this.learnedWindow) return false
    return this.learnedWindow >= ENOUGH || ++this.ofSmallWindow % DOUBT_AFTER !== 0
  }

  private firstLook(): void {
    const count = this.batch.length
    const leftMs = this.options.lingerMs - FIRST_LOOK_MS
    if (leftMs <= 0 || count >= ENOUGH) this.timeUp(count)
    else this.timer = setTimeout(() => this.timeUp(count), leftMs)
  }

  /** @param before how many messages there were at the first look */
  private timeUp(before: number): void {
    const outstanding = Math.max(1, this.options.window().outstanding)
    const hasStopped = this.batch.length === before
    if (hasStopped && outstanding === this.endedWith) this.learnedWindow = outstanding
    this.endedWith = hasStopped ? outstanding : undefined
    this.flush('time')
  }

  private flush(reason: FlushReason): void {
    const { batch } = this
    this.clear()
    this.options.flush(batch, reason)
  }
}
