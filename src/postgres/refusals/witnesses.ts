/**
 * Rows that the table has taken lately, one of each tenant. When all rows of a batch are refused, these are tried again:
 * they show whether the table refuses those rows, or all rows.
 */
import type { PoolClient } from 'pg'
import type { WireRecord } from '../../wire/message'
import { asDatabaseError } from '../connect/database-error'
import type { EncodedPart } from '../write/part-writer'
import type { RowTarget } from '../write/row-target'

/** An hour: a table may be changed meanwhile, and tenants come and go. */
const LATELY_MS = 3_600_000
const MAX_TENANTS = 16
/** Larger rows are not kept. */
const MAX_ROW_BYTES = 64 * 1024
/** Rows that are taken from each batch: the first, some between, the last. */
const SAMPLES = 4
/** Rows that are tried at most. */
const MAX_TRIED = 3

interface Witness {
  /** A copy, because a slice would keep the whole batch in memory. */
  readonly row: Buffer
  readonly atMs: number
}

/** What the table took when the witnesses were tried. */
export interface Evidence {
  /** The table still takes a row that it has taken lately. */
  readonly anyPasses: boolean
  /** It still takes one of a tenant that has no row in the batch. */
  readonly othersPass: boolean
}

export const NO_EVIDENCE: Evidence = { anyPasses: false, othersPass: false }

export class Witnesses {
  /** The latest are at the end. */
  private readonly byTenant = new Map<unknown, Witness>()

  /** @param nowMs of a monotonic clock */
  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** Rows that are durable. */
  note({ rows }: EncodedPart, rejected: ReadonlySet<WireRecord>): void {
    const { copy, records } = rows
    const step = Math.max(1, Math.floor((copy.rows - 1) / (SAMPLES - 1)))
    for (let at = 0; at < copy.rows; at += step) {
      const record = records[at]
      if (record === undefined || rejected.has(record)) continue
      const row = copy.slice(at, at + 1)
      if (row.length > MAX_ROW_BYTES) continue
      this.byTenant.delete(record.tenant)
      this.byTenant.set(record.tenant, { row: Buffer.from(row), atMs: this.nowMs() })
      if (this.byTenant.size > MAX_TENANTS) this.byTenant.delete(this.byTenant.keys().next().value)
    }
  }

  /** A row of a tenant other than these was stored lately. */
  hasOthers(tenants: ReadonlySet<unknown>): boolean {
    return this.lately().some(([tenant]) => !tenants.has(tenant))
  }

  /**
   * Tries them in a transaction, and rolls each of them back.
   * @param tenants those of the batch that is refused
   */
  async ask(client: PoolClient, { writer }: RowTarget, tenants: ReadonlySet<unknown>): Promise<Evidence> {
    const lately = this.lately()
    const others = lately.filter(([tenant]) => !tenants.has(tenant))
    const own = lately.filter(([tenant]) => tenants.has(tenant))
    const passes = async ([, { row }]: readonly [unknown, Witness]): Promise<boolean> => {
      await client.query('savepoint witness')
      const refusal = await writer.write(client, row, 1).then(
        () => undefined,
        (thrown: unknown) => asDatabaseError(thrown, 'trying a row again'),
      )
      if (refusal !== undefined && refusal.kind === 'transient') throw refusal
      await client.query('rollback to savepoint witness')
      return refusal === undefined || IS_STORED.includes(refusal.sqlState)
    }
    for (const witness of others.slice(0, MAX_TRIED)) {
      if (await passes(witness)) return { anyPasses: true, othersPass: true }
    }
    for (const witness of own.slice(0, MAX_TRIED)) {
      if (await passes(witness)) return { anyPasses: true, othersPass: false }
    }
    return NO_EVIDENCE
  }

  /** The latest first. */
  private lately(): [tenant: unknown, witness: Witness][] {
    const from = this.nowMs() - LATELY_MS
    return [...this.byTenant].filter(([, { atMs }]) => atMs >= from).reverse()
  }
}

/** A row that is in the table already conflicts with itself, after every other check of the table. */
const IS_STORED = ['23505', '23P01']
