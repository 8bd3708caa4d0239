/**
 * What the broker has acknowledged. It is the other side of every claim that nothing was lost: each sequence
 * number in it must be found in Kafka and in the table.
 *
 * Sequence numbers of a device run from 1. Only those that are not acknowledged are kept one by one, so a long
 * run costs no more memory than its window.
 */
export interface DeviceAccount {
  /** The highest sequence number that was given out. */
  readonly issued: number
  /** Given out and not acknowledged: it may or may not have arrived. */
  readonly unacknowledged: readonly number[]
}

/** The ledger as JSON, to hand it from one process to another. */
export interface LedgerSnapshot {
  readonly runId: string
  readonly devices: Readonly<Record<string, DeviceAccount>>
}

export class AcknowledgementLedger {
  private readonly accounts = new Map<string, { issued: number; open: Set<number> }>()
  private acknowledgedCount = 0
  private openCount = 0

  constructor(readonly runId: string) {}

  /** Publishes which the broker has acknowledged. */
  get acknowledged(): number {
    return this.acknowledgedCount
  }

  /** Publishes on their way. */
  get unacknowledged(): number {
    return this.openCount
  }

  /** The next sequence number of a device. */
  issue(topic: string): number {
    let account = this.accounts.get(topic)
    if (account === undefined) {
      account = { issued: 0, open: new Set() }
      this.accounts.set(topic, account)
    }
    const seq = ++account.issued
    account.open.add(seq)
    this.openCount++
    return seq
  }

  acknowledge(topic: string, seq: number): void {
    if (!this.accounts.get(topic)?.open.delete(seq)) return
    this.openCount--
    this.acknowledgedCount++
  }

  snapshot(): LedgerSnapshot {
    const devices: Record<string, DeviceAccount> = {}
    for (const [topic, { issued, open }] of this.accounts) {
      devices[topic] = { issued, unacknowledged: [...open] }
    }
    return { runId: this.runId, devices }
  }
}

/** Publishes that a snapshot says were acknowledged. */
export function acknowledgedIn({ devices }: LedgerSnapshot): number {
  return Object.values(devices).reduce(
    (sum, { issued, unacknowledged }) => sum + issued - unacknowledged.length,
    0,
  )
}
