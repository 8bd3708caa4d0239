/**
 * Which tenants keep sending rubbish: `OPENS_AT` of their records in a row were rejected, so the next ones are expected to
 * be rejected too. The rows of such a tenant are written after those of the others and apart from them, so that the others
 * take one statement. They are still tried: the breaker decides the order of statements, never the fate of a record.
 *
 * Closed, it counts rejected records in a row; from `OPENS_AT` on it is open; the first record that is stored closes it.
 */
import type { WireRecord } from '../../wire/message'

const OPENS_AT = 20
/** Misconfigured devices could name any number. The tenant that was rejected longest ago is forgotten. */
const MAX_TENANTS = 1000

export class TenantBreakers {
  /** Rejected in a row; tenants without any are not here. The latest are at the end. */
  private readonly inARow = new Map<unknown, number>()

  isOpen(tenant: unknown): boolean {
    return (this.inARow.get(tenant) ?? 0) >= OPENS_AT
  }

  /** The outcome of the records of a batch, in their order. */
  note(records: readonly WireRecord[], isRejected: (record: WireRecord) => boolean): void {
    for (const record of records) {
      if (isRejected(record)) this.addRejected(record.tenant)
      else if (this.inARow.size > 0) this.inARow.delete(record.tenant)
    }
  }

  private addRejected(tenant: unknown): void {
    const count = this.inARow.get(tenant) ?? 0
    this.inARow.delete(tenant)
    this.inARow.set(tenant, count + 1)
    if (this.inARow.size > MAX_TENANTS) this.inARow.delete(this.inARow.keys().next().value)
  }
}

/**
 * Divides records into runs that are written one after the other: those of all other tenants in one, then those of each
 * suspect in its own. The order within a run stays; there is at least one run.
 */
export function divideBySuspicion(
  records: readonly WireRecord[],
  isSuspect: (tenant: unknown) => boolean,
): readonly (readonly WireRecord[])[] {
  const others: WireRecord[] = []
  const suspects = new Map<unknown, WireRecord[]>()
  for (const record of records) {
    if (!isSuspect(record.tenant)) {
      others.push(record)
      continue
    }
    const own = suspects.get(record.tenant)
    if (own === undefined) suspects.set(record.tenant, [record])
    else own.push(record)
  }
  return others.length > 0 || suspects.size === 0 ? [others, ...suspects.values()] : [...suspects.values()]
}
