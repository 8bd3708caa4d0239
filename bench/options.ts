/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util'
import type { Row } from './row'

const MOST_ROUNDS = 50

export interface BenchOptions {
  readonly help: boolean
  readonly quick: boolean
  /** How often each side is measured. */
  readonly rounds: number
  /** The rows to run, in the order of the table. */
  readonly rows: readonly Row[]
  readonly json: string | undefined
  /** Files of earlier runs. */
  readonly with: readonly string[]
}

export function helpOf(rows: readonly Row[]): string {
  return `Usage: npm run bench -- [options]

Measures how fast the package is beside its peers, on real services that it starts and stops, and prints a table.
A run of all rows writes docs/performance.md and its chart.

  --quick            takes a few minutes: fewer messages, one round, some rows less; never replaces a whole run
  --rounds N         how often each case is measured (5, and 3 where there is no peer; 1 with --quick)
  --only ROW,ROW     these rows only; the page is left alone unless --with has the others
  --json FILE        also writes everything that was measured, after each row
  --with FILE        takes the rows that this run does not measure from a --json FILE; may be repeated
  --help

  TELEGRAF, PSQL     programs to compare with, if they are not on the PATH

Rows:
${rows.map(({ name, title }) => `  ${name.padEnd(18)} ${title}`).join('\n')}`
}

/** @throws Error with a sentence for the terminal */
export function parseBenchOptions(args: readonly string[], rows: readonly Row[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'string' },
      with: { type: 'string', multiple: true, default: [] },
    },
  })
  const { help, quick, only, json } = values
  const rounds = roundsOf(values.rounds ?? (quick ? '1' : '5'))
  return {
    help,
    quick,
    rounds,
    rows: only === undefined ? rows : chosen(only, rows),
    json,
    with: values.with,
  }
}

function roundsOf(text: string): number {
  const rounds = Number(text)
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= MOST_ROUNDS) return rounds
  throw new Error(`--rounds is ${JSON.stringify(text)}; expected a whole number from 1 to ${MOST_ROUNDS}`)
}

function chosen(only: string, rows: readonly Row[]): Row[] {
  const names = only.split(',').map((name) => name.trim())
  const unknown = names.filter((name) => rows.every((row) => row.name !== name))
  if (unknown.length > 0) {
    const known = rows.map(({ name }) => name).join(', ')
    throw new Error(`--only: there is no row "${unknown.join('", "')}". Rows: ${known}`)
  }
  return rows.filter(({ name }) => names.includes(name))
}
