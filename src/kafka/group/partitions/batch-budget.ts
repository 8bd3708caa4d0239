/**
 * Bounds the memory of the batches that a consumer has in the flow, over all of its partitions: each of them has one
 * out at a time, and while a sink is away all of a thousand partitions would. A partition that
 * wants to hand one out while there is no room waits for its turn, first come first served, so that a busy partition does
 * not keep a quiet one waiting.
 *
 * A batch is let in while there is any room at all, so that the largest one passes; it may exceed the budget by itself.
 */

/** Enough for 64 batches of the default size; what sinks make of them comes on top, about twice as much. */
export const MAX_BYTES_IN_FLOW = 64 * 1024 * 1024
/** What a message, its delivery and its place with a sink cost, however little is in it: it bounds the count as well. */
const BATCH_OVERHEAD_BYTES = 16 * 1024

export class BatchBudget {
  private used = 0
  /** In the order of arrival. */
  private readonly waiting = new Set<() => void>()

  constructor(private readonly maxBytes = MAX_BYTES_IN_FLOW) {}

  get hasRoom(): boolean {
    return this.used < this.maxBytes
  }

  /**
   * Calls `handOut` now, or when there is room and all who asked before have had their turn. Who asks again with the same
   * function keeps its place.
   */
  request(handOut: () => void): void {
    this.waiting.add(handOut)
    this.serve()
  }

  /**
   * A batch is in the flow.
   * @returns the function that says, once, that it has left
   */
  enter(bytes: number): () => void {
    const size = bytes + BATCH_OVERHEAD_BYTES
    this.used += size
    return () => {
      this.used -= size
      this.serve()
    }
  }

  private serve(): void {
    for (const handOut of this.waiting) {
      if (!this.hasRoom) return
      this.waiting.delete(handOut)
      handOut()
    }
  }
}
