/** What `npm start` prints: words as lines, and one live line that is written over where the terminal allows it. */
export interface Screen {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** How often a live line is printed where lines cannot be written over. */
const PLAIN_INTERVAL_MS = 5000
const CLEAR_LINE = '\r\x1b[K'

export class Terminal {
  private liveShown = false
  private plainAtMs = -Infinity

  constructor(
    private readonly screen: Screen = process.stdout,
    private readonly now: () => number = () => performance.now(),
  ) {}

  line(text: string): void {
    this.screen.write(`${this.liveShown ? CLEAR_LINE : ''}${text}\n`)
    this.liveShown = false
  }

  live(text: string): void {
    if (this.screen.isTTY) {
      this.screen.write(`${CLEAR_LINE}${text}`)
      this.liveShown = true
    } else if (this.now() - this.plainAtMs >= PLAIN_INTERVAL_MS) {
      this.plainAtMs = this.now()
      this.screen.write(`${text}\n`)
    }
  }
}
