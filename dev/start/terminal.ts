/** What `npm start` prints: words as lines, and one live line that is written over where the terminal allows it. */
export interface Screen {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** How often a live line is printed where lines cannot be written over. */
const PLAIN_INTERVAL_MS = 5000
const HEADING_WIDTH = 12
const BOLD = '1'
const RED = '31'
const GREEN = '32'
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

  /** A line with a heading, below others of its kind. */
  point(heading: string, text: string): void {
    this.line(`  ${this.in(BOLD, heading.padEnd(HEADING_WIDTH))}${text}`)
  }

  /** How it ended. */
  result(text: string, isWell: boolean): void {
    this.line(this.in(isWell ? GREEN : RED, text))
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

  /** Only a terminal shows colours; elsewhere their codes would stand in the text. */
  private in(style: string, text: string): string {
    return this.screen.isTTY ? `\x1b[${style}m${text}\x1b[0m` : text
  }
}
