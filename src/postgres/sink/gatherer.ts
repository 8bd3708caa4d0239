/**
 * Gathers what comes in single messages into groups: a group is written when it is full, or when its first
 * message has waited long enough, and never while the group before it is out. So groups grow under load, stay
 * small when idle, and the order is kept.
 */
import type { WireRecord } from '../../wire/message'

export interface GatherLimits {
  readonly maxRows: number
  readonly maxBytes: number
  readonly lingerMs: number
}

/** The records of one message. */
interface Entry<T> {
  readonly records: readonly WireRecord[]
  readonly bytes: number
  readonly resolve: (result: T) => void
  readonly reject: (error: unknown) => void
}

export class Gatherer<T> {
  private waiting: Entry<T>[] = []
  private rows = 0
  private bytes = 0
  private writing = false
  private timer: NodeJS.Timeout | undefined

  /** @param write gets the records of several messages; its result is every message's */
  constructor(
    private readonly limits: GatherLimits,
    private readonly write: (records: readonly WireRecord[]) => Promise<T>,
  ) {}

  /** Nothing waits, nothing is out. */
  get idle(): boolean {
    return !this.writing && this.waiting.length === 0
  }

  add(records: readonly WireRecord[]): Promise<T> {
    return new Promise((resolve, reject) => {
      const bytes = bytesOf(records)
      this.waiting.push({ records, bytes, resolve, reject })
      this.rows += records.length
      this.bytes += bytes
      this.schedule()
    })
  }

  private schedule(): void {
    if (this.writing || this.waiting.length === 0) return
    const full = this.rows >= this.limits.maxRows || this.bytes >= this.limits.maxBytes
    if (full || this.limits.lingerMs === 0) this.flush()
    else this.timer ??= setTimeout(() => this.flush(), this.limits.lingerMs)
  }

  private flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const group = this.takeGroup()
    this.writing = true
    const settled = (): void => {
      this.writing = false
      // What has gathered meanwhile has waited long enough.
      if (this.waiting.length > 0) this.flush()
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

  /** The first message always fits, whatever its size. */
  private takeGroup(): Entry<T>[] {
    let rows = 0
    let bytes = 0
    let count = 0
    for (const entry of this.waiting) {
      rows += entry.records.length
      bytes += entry.bytes
      if (count > 0 && (rows > this.limits.maxRows || bytes > this.limits.maxBytes)) break
      count++
    }
    const group = this.waiting.splice(0, count)
    for (const entry of group) {
      this.rows -= entry.records.length
      this.bytes -= entry.bytes
    }
    return group
  }
}

/** Of their payloads, which are most of it. */
export function bytesOf(records: readonly WireRecord[]): number {
  return records.reduce((sum, { payload }) => sum + sizeOf(payload), 0)
}

function sizeOf(payload: unknown): number {
  return typeof payload === 'string' || payload instanceof Uint8Array ? payload.length : 0
}
