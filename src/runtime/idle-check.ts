/**
 * A node that writes learns that its server is gone when it writes. One that has nothing to write asks now and then, so that it
 * does not stay green in front of a dead server.
 */
import { asPipelineError, type PipelineError } from '../wire/errors'

/** With the time that a connection is tried for, a dead server shows within 30 s. */
const INTERVAL_MS = 10_000

export class IdleCheck {
  private found: PipelineError | undefined
  private isAsking = false
  private before: number | undefined
  private lookedAtMs = -Infinity

  /** @param ask resolves when the server has answered */
  constructor(private readonly ask: () => Promise<unknown>) {}

  /** Why the server has not answered; `undefined` once it has, or once something was written. */
  get problem(): PipelineError | undefined {
    return this.found
  }

  /**
   * Call it about once a second.
   * @param written a count that grows with what is written
   * @param isBusy something is being written: it will find out by itself
   */
  look(nowMs: number, written: number, isBusy: boolean): void {
    const hasWritten = this.before !== undefined && written > this.before
    this.before = written
    if (hasWritten) this.found = undefined
    if (hasWritten || isBusy) this.lookedAtMs = nowMs
    if (this.isAsking || nowMs - this.lookedAtMs < INTERVAL_MS) return
    this.lookedAtMs = nowMs
    this.isAsking = true
    this.ask()
      .then(
        () => (this.found = undefined),
        (error: unknown) => (this.found = asPipelineError(error)),
      )
      .finally(() => (this.isAsking = false))
  }
}
