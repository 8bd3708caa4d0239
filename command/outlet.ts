/**
 * Where a command writes. Known secrets are replaced in everything that people read: errors are made without them, and
 * this is the second line of defence. What is written as data is left as it is, byte for byte.
 */
import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Shorter ones are part of ordinary text. */
const SHORTEST_SECRET = 4
const HIDDEN = '••••'
/** A device must not be able to move the cursor of the operator's terminal. */
const CONTROL = /[\0-\x08\x0b-\x1f\x7f-\x9f]/g
/** The login of an address. */
const LOGIN = /:\/\/([^/?#\s]*)@/g

export class Outlet {
  private readonly secrets = new Set<string>()

  constructor(
    private readonly standard: Writable,
    private readonly errors: Writable,
  ) {}

  /** A secret, or an address that may have one in it. */
  hide(secret: string): void {
    for (const [, login = ''] of secret.matchAll(LOGIN)) {
      const password = login.slice(login.indexOf(':') + 1)
      this.add(password)
      this.add(decoded(password))
    }
    if (!secret.includes('://')) this.add(secret)
  }

  /** For people, to the standard output. */
  line(text = ''): void {
    this.standard.write(`${this.shown(text)}\n`)
  }

  /** An answer as JSON, with what `line` would hide hidden. */
  json(answer: object): void {
    this.standard.write(`${this.withoutSecrets(JSON.stringify(answer, undefined, 2))}\n`)
  }

  /** A record as one line of JSON; waits while the reader is slow. */
  async record(record: object): Promise<void> {
    if (!this.standard.write(`${JSON.stringify(record)}\n`)) await once(this.standard, 'drain')
  }

  /** Beside the answer, to the standard error. */
  note(text: string): void {
    this.errors.write(`${this.shown(text)}\n`)
  }

  /** Rows with columns of equal width. */
  table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
    const all = [
      heads,
      ...rows.map((row) => row.map((cell) => this.shown(String(cell)).replaceAll('\n', ' '))),
    ]
    const widths = heads.map((_head, at) => Math.max(...all.map((row) => row[at]?.length ?? 0)))
    for (const row of all)
      this.line(
        row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join('  ')
          .trimEnd(),
      )
  }

  private add(secret: string): void {
    if (secret.length >= SHORTEST_SECRET) this.secrets.add(secret)
  }

  private shown(text: string): string {
    return this.withoutSecrets(text).replace(
      CONTROL,
      (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`,
    )
  }

  private withoutSecrets(text: string): string {
    let shown = text
    for (const secret of this.secrets) shown = shown.replaceAll(patternOf(secret), HIDDEN)
    return shown
  }
}

/** A password that is a word, such as postgres, is part of names that say nothing of it. */
function patternOf(secret: string): RegExp {
  const literal = secret.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  return /^[a-z]+$/i.test(secret)
    ? new RegExp(`(?<![\\w-])${literal}(?![\\w-])`, 'g')
    : new RegExp(literal, 'g')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
