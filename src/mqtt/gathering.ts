/**
 * Gathers messages into batches for the wires. A batch goes out when it is large enough, when its first message
 * has waited long enough, or when the broker will send nothing more before it gets acknowledgements.
 *
 * That last window is known in MQTT 5 (it is ours). In 3.1.1 it is the broker's (20 in Mosquitto) and it does not
 * tell: it is learned. When a batch had to wait for its time although more could have come, that number of messages was
 * all the broker would send. When more come all the same, that was wrong, and it is learned again.
 */
export type FlushReason = 'size' | 'time' | 'window'

export interface GatheringOptions<T> {
  readonly maxMessages: number
  readonly lingerMs: number
  /** Messages that the broker has no acknowledgement for, and whether our own bound is reached. */
  readonly window: () => { readonly outstanding: number; readonly full: boolean }
  readonly flush: (batch: T[], reason: FlushReason) => void
}

export class Gathering<T> {
  private batch: T[] = []
  private timer: NodeJS.Timeout | undefined
  private learnedWindow = Infinity

  constructor(private readonly options: GatheringOptions<T>) {}

  add(item: T): void {
    const { maxMessages, lingerMs, window } = this.options
    this.batch.push(item)
    const { outstanding, full } = window()
    if (outstanding > this.learnedWindow) this.learnedWindow = Infinity
    if (this.batch.length >= maxMessages) this.flush('size')
    else if (full || outstanding >= this.learnedWindow) this.flush('window')
    else this.timer ??= setTimeout(() => this.timeUp(), lingerMs)
  }

  /** Forgets what has been gathered. */
  clear(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.batch = []
  }

  private timeUp(): void {
    const { outstanding } = this.options.window()
    this.learnedWindow = Math.max(1, outstanding)
    this.flush('time')
  }

  private flush(reason: FlushReason): void {
    const { batch } = this
    this.clear()
    this.options.flush(batch, reason)
  }
}
