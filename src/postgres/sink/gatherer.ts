/**
 * Gathers what comes in single messages into groups: a group is written when it is full, or when its first
 * message has waited long enough, and never while the group before it is out. So groups grow under load, stay
 * small when idle, and the order is kept.
 */
import { SizedQueue, type Sized } from '../../batching/sized-queue'
import type { WireRecord } from '../../wire/message'

export interface GatherLimits {
  readonly maxRows: number
  readonly maxBytes: number
  readonly lingerMs: number
}

/** The records of one message. */
interface Entry<T> extends Sized {
  readonly records: readonly WireRecord[]
  readonly resolve: (result: T) => void
  readonly reject: (error: unknown) => void
}

export class Gatherer<T> {
  private readonly waiting = new SizedQueue<Entry<T>>()
  private writing = false
  private timer: NodeJS.Timeout | undefined

  /** @param write gets the records of several messages; its result is every message's */
  constructor(
    private readonly limits: GatherLimits,
    private readonly write: (records: readonly WireRecord[]) => Promise<T>,
  ) {}

  /** Nothing waits, nothing is out. */
  get idle(): boolean {
    return !this.writing && this.waiting.isEmpty
  }

  add(records: readonly WireRecord[]): Promise<T> {
    return new Promise((resolve, reject) => {
      this.waiting.add({ records, count: records.length, bytes: bytesOf(records), resolve, reject })
      this.schedule()
    })
  }

  private schedule(): void {
    if (this.writing || this.waiting.isEmpty) return
    const { maxRows, maxBytes, lingerMs } = this.limits
    const full = this.waiting.count >= maxRows || this.waiting.bytes >= maxBytes
    if (full || lingerMs === 0) this.flush()
    else this.timer ??= setTimeout(() => this.flush(), lingerMs)
  }

  private flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const group = this.waiting.take(this.limits.maxRows, this.limits.maxBytes)
    this.writing = true
    const settled = (): void => {
      this.writing = false
      // What has gathered meanwhile has waited long enough.
      if (!this.waiting.isEmpty) this.flush()
    }
    this.write(group.flatMap(({ records }) => records)).then(
      (result) => {
        for (const { resolve } of group) resolve(result)
        settled()
      },
      (error: unknown) => {
        for (const { reject } of group) reject(error)
        settled()
      },
    )
  }
}

/** Of their payloads, which are most of it. */
export function bytesOf(records: readonly WireRecord[]): number {
  return records.reduce((sum, { payload }) => sum + sizeOf(payload), 0)
}

function sizeOf(payload: unknown): number {
  return typeof payload === 'string' || payload instanceof Uint8Array ? payload.length : 0
}
