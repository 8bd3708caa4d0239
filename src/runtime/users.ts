/**
 * Counts the nodes that use a shared connection. Node-RED calls the `close` of a config node while its users
 * are still draining, so a config node must not disconnect before the last of them has let go.
 */
export class Users {
  private count = 0
  private readonly waiting: (() => void)[] = []

  get size(): number {
    return this.count
  }

  /** @returns the function that ends the use; calling it again does nothing */
  add(): () => void {
    this.count++
    let released = false
    return () => {
      if (released) return
      released = true
      if (--this.count === 0) for (const resolve of this.waiting.splice(0)) resolve()
    }
  }

  /** Resolves when no node uses the connection. */
  idle(): Promise<void> {
    if (this.count === 0) return Promise.resolve()
    return new Promise((resolve) => this.waiting.push(resolve))
  }
}
