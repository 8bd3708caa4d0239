/**
 * Ends the wait for more records early. A source with a small window (20 messages, in MQTT 3.1.1) sends nothing more
 * before what it has sent is stored. So the linger time is the longest wait, and a quarter of it without a new record
 * ends it.
 */
import type { LaneClock } from '../../batching/lane'

export class QuietTimer {
  private readonly quietMs: number
  private records = 0
  private cancel: (() => void) | undefined

  /** @param flush called when a record was added, and none after it for a while */
  constructor(
    lingerMs: number,
    private readonly clock: LaneClock,
    private readonly flush: () => void,
  ) {
    this.quietMs = Math.max(1, lingerMs / 4)
  }

  noteRecord(): void {
    this.records++
    if (this.cancel === undefined) this.watch()
  }

  close(): void {
    this.cancel?.()
  }

  private watch(): void {
    const seen = this.records
    this.cancel = this.clock.after(this.quietMs, () => {
      this.cancel = undefined
      if (this.records === seen) this.flush()
      else this.watch()
    })
  }
}
