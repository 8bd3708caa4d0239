/** Waits until what was published has been stored, and adds up. */
import { setTimeout as sleep } from 'node:timers/promises'
import { accountFor, type Account } from '../accounting'
import type { LedgerSnapshot } from '../simulator/ledger'
import type { PipelineCounts } from './counts'
import type { Terminal } from './terminal'

/** So long nothing may arrive before we stop waiting. */
export const DRAIN_LIMIT_MS = 60_000
const POLL_MS = 500

/**
 * Resolves when nothing is missing and the consumer has passed over all that Kafka holds (a message that is in
 * Kafka twice would show up only then), when nothing has moved for 60 s, or when the signal says so.
 */
export async function drain(
  ledger: LedgerSnapshot,
  { counts, table, terminal }: { counts: PipelineCounts; table: string; terminal: Terminal },
  giveUp: AbortSignal,
): Promise<Account> {
  let seen = ''
  let movedAtMs = performance.now()
  for (;;) {
    const account = await accountFor(ledger, { client: counts.database, table, since: counts.since })
    const { inKafka, stored, deadLetters } = await counts.read()
    const toRead = Math.max(0, inKafka - stored - deadLetters)
    if (account.missing === 0 && toRead === 0) return account
    const state = `${account.missing} ${toRead}`
    if (state !== seen) movedAtMs = performance.now()
    seen = state
    const waitedMs = performance.now() - movedAtMs
    if (giveUp.aborted || waitedMs > DRAIN_LIMIT_MS) return account
    terminal.live(
      `waiting for ${account.missing.toLocaleString('en-US')} messages to be stored; Ctrl-C again does not wait`,
    )
    await sleep(POLL_MS, undefined, { signal: giveUp }).catch(() => undefined)
  }
}
