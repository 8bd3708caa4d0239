/** How often a node has reached again what it works with, as Prometheus counts it. Of a node that looks now and then. */
export class Reconnects {
  count = 0
  private wasReached = false
  private isAway = true

  /** Call it now and then: an outage between two calls is not seen. */
  observe(isReached: boolean): void {
    if (isReached && this.isAway && this.wasReached) this.count++
    this.wasReached ||= isReached
    this.isAway = !isReached
  }
}
