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
 * Resolves when nothing is missing and the consumer has moved past all that Kafka holds (a message that is in
 * Kafka twice would show up only then), when nothing has moved for 60 s, or when the signal says so.
 */
export async function drain(
  ledger: LedgerSnapshot,
  { counts, table, terminal }: { counts: PipelineCounts; table: string; terminal: Terminal },
  giveUp: AbortSignal,
): Promise<Account> {
  const look = async (): Promise<{ account: Account; unread: number }> => {
    const { database: client, since, topics } = counts
    const account = await accountFor(ledger, { client, table, since, topics })
    const { inKafka, stored, deadLetters } = await counts.read()
    return { account, unread: Math.max(0, inKafka - stored - deadLetters) }
  }
  let seen: unknown
  let movedAtMs = performance.now()
  for (;;) {
    const looked = await look().catch((error: Error) => error)
    if (!(looked instanceof Error) && looked.account.missing === 0 && looked.unread === 0) {
      return looked.account
    }
    const state = looked instanceof Error ? seen : `${looked.account.missing} ${looked.unread}`
    if (state !== seen) movedAtMs = performance.now()
    seen = state
    if (giveUp.aborted || performance.now() - movedAtMs > DRAIN_LIMIT_MS) {
      if (looked instanceof Error) throw looked
      return looked.account
    }
    const waitsFor =
      looked instanceof Error
        ? `Kafka and PostgreSQL (${looked.message})`
        : `${looked.account.missing.toLocaleString('en-US')} messages to be stored`
    terminal.live(`waiting for ${waitsFor}; Ctrl-C again does not wait`)
    await sleep(POLL_MS, undefined, { signal: giveUp }).catch(() => undefined)
  }
}
