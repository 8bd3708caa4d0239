/** Rows per second over the last seconds, for the status. */
const WINDOW_MS = 5_000

export class Rate {
  private readonly steps: { readonly atMs: number; readonly rows: number }[] = []

  constructor(private readonly now: () => number = () => performance.now()) {}

  add(rows: number): void {
    this.steps.push({ atMs: this.now(), rows })
    this.forgetOld()
  }

  get perSecond(): number {
    this.forgetOld()
    const rows = this.steps.reduce((sum, step) => sum + step.rows, 0)
    return Math.round((rows * 1000) / WINDOW_MS)
  }

  private forgetOld(): void {
    const oldest = this.now() - WINDOW_MS
    while (this.steps[0] !== undefined && this.steps[0].atMs < oldest) this.steps.shift()
  }
}
