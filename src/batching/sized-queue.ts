/** A queue that is written in groups, each as large as can be written at once. */

/** How large an entry is: what is counted in it, such as its records, and its bytes. */
export interface Sized {
  readonly count: number
  readonly bytes: number
}

export class SizedQueue<T extends Sized> implements Sized {
  /** Of all entries together. */
  count = 0
  bytes = 0
  private readonly entries: T[] = []

  get isEmpty(): boolean {
    return this.entries.length === 0
  }

  add(entry: T): void {
    this.entries.push(entry)
    this.count += entry.count
    this.bytes += entry.bytes
  }

  /** Takes from the front what fits; the first entry always does, whatever its size. */
  take(maxCount: number, maxBytes: number): T[] {
    let [length, count, bytes] = [0, 0, 0]
    for (const entry of this.entries) {
      if (length > 0 && (count + entry.count > maxCount || bytes + entry.bytes > maxBytes)) break
      length++
      count += entry.count
      bytes += entry.bytes
    }
    this.count -= count
    this.bytes -= bytes
    return this.entries.splice(0, length)
  }
}
