/** The clock of this process, set ahead: for what a node does after a while, without waiting for it. */

/** Until `work` ends, `performance.now()` is later by this. */
export async function clockAheadBy<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const now = performance.now.bind(performance)
  performance.now = () => now() + ms
  try {
    return await work()
  } finally {
    performance.now = now
  }
}
