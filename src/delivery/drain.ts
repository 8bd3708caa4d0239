/** Waits, while a source closes, for what sinks of this package still finish. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DeliveryTracker } from './tracker'

const POLL_MS = 20
/** Deliveries that no sink holds and that make no move for so long are not waited for. */
const STANDSTILL_MS = 400

/**
 * Resolves when the source has no open delivery, when nothing moves any more, or when the time is over. The source
 * emits nothing meanwhile.
 */
export async function drain(tracker: DeliveryTracker, sourceId: string, budgetMs: number): Promise<void> {
  const until = performance.now() + budgetMs
  let { open } = look(tracker, sourceId)
  let movedAtMs = performance.now()
  while (open > 0 && performance.now() < until) {
    await sleep(POLL_MS)
    const now = look(tracker, sourceId)
    if (now.open !== open || now.isHeld) movedAtMs = performance.now()
    open = now.open
    if (performance.now() - movedAtMs > STANDSTILL_MS) return
  }
}

function look(tracker: DeliveryTracker, sourceId: string): { open: number; isHeld: boolean } {
  let open = 0
  let isHeld = false
  for (const delivery of tracker.deliveries()) {
    if (delivery.sourceId !== sourceId) continue
    open++
    isHeld ||= delivery.holders > 0
  }
  return { open, isHeld }
}
