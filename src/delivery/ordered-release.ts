/**
 * Releases slots in the order in which they were taken, however they finish.
 *
 * MQTT wants acknowledgements in the order of the PUBLISH packets (MQTT 5 §4.6), and Kafka's committed offset
 * says "everything before this". Both are the same thing: finish in any order, release the contiguous prefix.
 */
export interface Slot<T> {
  readonly value: T
  finished: boolean
}

export class OrderedRelease<T> {
  /** Released ones are emptied: a value may hold a megabyte, and it is long until the array moves. */
  private readonly slots: (Slot<T> | undefined)[] = []
  private head = 0

  /** @param release called once for each slot, in the order of `take` */
  constructor(private readonly release: (value: T) => void) {}

  /** Slots that are taken and not released. */
  get size(): number {
    return this.slots.length - this.head
  }

  /** The oldest slot that is not released. */
  get oldest(): T | undefined {
    return this.slots[this.head]?.value
  }

  take(value: T): Slot<T> {
    const slot = { value, finished: false }
    this.slots.push(slot)
    return slot
  }

  /** Marks a slot as finished and releases what has become the finished prefix. A second call does nothing. */
  finish(slot: Slot<T>): void {
    slot.finished = true
    for (;;) {
      const oldest = this.slots[this.head]
      if (oldest?.finished !== true) break
      this.slots[this.head] = undefined
      this.head++
      this.release(oldest.value)
    }
    this.compact()
  }

  /** Forgets all slots without releasing them, and returns their values: their connection is gone. */
  clear(): T[] {
    const values = this.slots.slice(this.head).flatMap((slot) => (slot === undefined ? [] : [slot.value]))
    this.slots.length = 0
    this.head = 0
    return values
  }

  /** Moves the array only when half of it is used up, so that a release costs amortised constant time. */
  private compact(): void {
    if (this.head > 1024 && this.head * 2 > this.slots.length) {
      this.slots.splice(0, this.head)
      this.head = 0
    }
  }
}
