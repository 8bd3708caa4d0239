/** Asks before something is done that cannot be taken back. */
import { createInterface } from 'node:readline/promises'

/** @returns false without a terminal: a script says `--yes` */
export async function confirmAtTerminal(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim())
  } finally {
    terminal.close()
  }
}
