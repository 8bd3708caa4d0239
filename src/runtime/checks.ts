/**
 * What a connection test has found: a list of checks, each a code that the dialog has words for, with the values of these
 * words. No check holds a secret, and none the value of an environment variable.
 */

/** `unknown`: the other side does not tell. */
export type Verdict = 'ok' | 'warning' | 'failed' | 'unknown'

/** The codes of a test, each with what it means for the user. */
export type Verdicts = Readonly<Record<string, Verdict>>

export interface Check {
  readonly verdict: Verdict
  readonly code: string
  readonly values: CheckValues
}

export type CheckValues = Readonly<Record<string, string | number>>

export class Checks<Codes extends Verdicts> {
  private found: Check[] = []

  constructor(private readonly verdicts: Codes) {}

  add(code: keyof Codes & string, values: CheckValues = {}): void {
    this.found.push({ verdict: this.verdicts[code] as Verdict, code, values })
  }

  addAll(others: Checks<Codes>): void {
    this.found.push(...others.list)
  }

  /**
   * Waits for a part of the test. What it finds later is left out, and that it has not ended is a check itself.
   * @param unfinished the code for that, and its values
   * @param work adds what it finds; when the signal is aborted nothing more is taken, and it should let go of everything
   */
  async within(
    limitMs: number,
    unfinished: keyof Codes & string,
    values: CheckValues,
    work: (checks: Checks<Codes>, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const part = new Checks(this.verdicts)
    const over = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const timeUp = new Promise<'time is up'>((resolve) => {
      timer = setTimeout(() => resolve('time is up'), limitMs)
    })
    const working = work(part, over.signal)
    try {
      if ((await Promise.race([working, timeUp])) === 'time is up') part.add(unfinished, values)
    } finally {
      clearTimeout(timer)
      this.addAll(part)
      over.abort()
      working.catch(() => undefined)
    }
  }

  get list(): readonly Check[] {
    return [...this.found]
  }
}
