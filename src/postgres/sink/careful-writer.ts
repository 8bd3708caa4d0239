/**
 * Writes a batch that has bad rows, or is expected to have some: payloads that are certain to be refused are taken out
 * first, the other rows are bisected between savepoints, and a row that is refused alone becomes a dead letter.
 *
 * When no row passes, the table may be at fault and not the rows: rows that it has taken lately are tried again, and
 * `shared-refusals.ts` decides. Where each tenant has its own table, a table that cannot be written costs only the rows
 * of its tenant, once it is certain that other tables can be written: docs/decisions/tenant-tables.md.
 *
 * Without a table of dead letters, rejected records leave by the output. The transaction is then rolled back, and the
 * rest of the batch is written once the flow has stored them.
 */
import type { PoolClient } from 'pg'
import { PipelineError } from '../../wire/errors'
import type { WireRecord } from '../../wire/message'
import { DatabaseError } from '../connect/database-error'
import type { PositionMove } from '../ledger/position-move'
import type { RefusalCount, SharedRefusals } from '../refusals/shared-refusals'
import type { TenantBreakers } from '../refusals/tenant-breakers'
import { NO_EVIDENCE, type Evidence } from '../refusals/witnesses'
import { writtenOff } from '../refusals/write-off'
import type { RejectedRecord } from '../rows/rejected'
import type { Fault } from '../write/bisect'
import { writePart, type EncodedPart, type Patience, type WrittenPart } from '../write/part-writer'
import type { EarlierAttempts } from './earlier-attempts'
import { encodeParts, type EncodedBatch, type EncodingOptions } from './encode-parts'
import { commitBatch, type StoredParts, type TransactionOptions, type Written } from './transaction'

export interface CarefulWriterOptions extends EncodingOptions, TransactionOptions {
  readonly breakers: TenantBreakers
  /** Of all partitions of the sink together. */
  readonly refusals: SharedRefusals
  /** They outlast a table that is prepared once more. */
  readonly earlier: EarlierAttempts
  /** Resolves when the flow has stored these records. */
  readonly deliverRejected: (rejected: readonly RejectedRecord[]) => Promise<void>
}

/** Rows that PostgreSQL did not take in one statement. */
interface FailedRows {
  readonly records: readonly WireRecord[]
  readonly error: DatabaseError
}

export interface CarefulWay {
  /** Screen all payloads, not only those of suspects. */
  readonly screensAll: boolean
  /** The count when the first row of the batch was tried. */
  readonly begunUnder: RefusalCount
  /** The rows that have failed in one statement. */
  readonly failed?: FailedRows | undefined
}

/** One attempt to write the rows of a batch inside a transaction. */
interface Attempt {
  readonly due: readonly WireRecord[]
  readonly encoded: EncodedBatch
  /** Grows with each row that is refused. */
  readonly rejected: RejectedRecord[]
  readonly patience: Patience
  readonly begunUnder: RefusalCount
  readonly failed: FailedRows | undefined
}

export class CarefulWriter {
  constructor(private readonly options: CarefulWriterOptions) {}

  /**
   * @returns undefined when another process has moved the position
   * @throws PipelineError; retryable: call again
   */
  async write(
    records: readonly WireRecord[],
    position: PositionMove,
    way: CarefulWay,
  ): Promise<Written | undefined> {
    /** On the table being at fault: they hold when the batch is committed. */
    const claims: (() => void)[] = []
    let written: Written | undefined
    try {
      written = await this.writeInRounds(records, position, way, claims)
    } finally {
      if (written === undefined) for (const giveBack of claims) giveBack()
    }
    return written
  }

  /** One round, and another one each time that rejected records had to be delivered first. */
  private async writeInRounds(
    records: readonly WireRecord[],
    position: PositionMove,
    way: CarefulWay,
    claims: (() => void)[],
  ): Promise<Written | undefined> {
    const { deliverRejected, breakers, refusals, earlier } = this.options
    const guilty = way.failed?.records[way.failed.error.rowFault?.row ?? -1]
    const isSuspect = (tenant: unknown): boolean =>
      breakers.isOpen(tenant) || (guilty !== undefined && guilty.tenant === tenant)
    const patience = earlier.patienceWith(records)
    let { begunUnder, failed } = way
    let due = records
    const delivered: RejectedRecord[] = []
    for (;;) {
      const encoded = await encodeParts(this.options, due, isSuspect, way.screensAll)
      const rejected = [...encoded.rejected]
      const attempt = { due, encoded, rejected, patience, begunUnder, failed }
      const batch = { records: due, rejected, delivered: delivered.length, parts: encoded.parts, position }
      try {
        const written = await commitBatch(this.options, batch, (client) =>
          this.writeRows(client, records, attempt, claims),
        )
        return written && { ...written, rejected: [...delivered, ...inOrder(rejected, due)] }
      } catch (error) {
        if (!(error instanceof Undelivered)) throw error
      }
      const found = inOrder(rejected, due)
      await deliverRejected(found)
      delivered.push(...found)
      failed = undefined
      begunUnder = refusals.current
      const gone = new Set(found.map(({ record }) => record))
      due = due.filter((record) => !gone.has(record))
    }
  }

  /**
   * @param records all of the batch, in which earlier attempts are noted
   * @throws Undelivered when rejected records have to be delivered first
   */
  private async writeRows(
    client: PoolClient,
    records: readonly WireRecord[],
    { due, encoded, rejected, patience, begunUnder, failed }: Attempt,
    claims: (() => void)[],
  ): Promise<StoredParts> {
    const { deadLetters, refusals, targets, earlier } = this.options
    const failures = [...encoded.failures]
    const parts: EncodedPart[] = []
    let rows = 0
    let doubt: DatabaseError | undefined
    for (const part of encoded.parts) {
      const written = await writePart(client, part, targets, patience, failed && faultOf(part, failed))
      if (written instanceof DatabaseError) {
        failures.push({ tenant: part.tenant as string, records: part.rows.records, error: written })
        continue
      }
      const fault = this.faultOfTable(part, written)
      if (fault !== undefined) throw fault
      rows += written.stored
      rejected.push(...written.bad)
      doubt ??= written.doubt
      if (part.rows.copy.rows > written.bad.length) parts.push(part)
    }
    rejected.push(...writtenOff(failures, parts.length > 0, targets))
    // The table may have been repaired between the rows that it refused and those that it took.
    if (rejected.length > 0 && parts.length > 0 && earlier.takeStopped(records)) throw onceMore()
    if (parts.length === 0 && rejected.length > 0) {
      const evidence = await this.evidence(client, due)
      if (doubt !== undefined && !evidence.anyPasses) throw doubt
      if (rejected.length === due.length) claims.push(refusals.claim(rejected, begunUnder, evidence))
    }
    if (deadLetters === undefined && rejected.length > 0) throw new Undelivered()
    return { parts, rows }
  }

  /** Only of a table that all tenants share: the fault of a tenant's own table costs its rows alone. */
  private faultOfTable(part: EncodedPart, { homeless, passedMs }: WrittenPart): DatabaseError | undefined {
    if (part.tenant !== undefined) return undefined
    return this.options.newestRow.faultOfTable(part.target, homeless, passedMs, part.rows.nowMs)
  }

  /** Whether the table takes other rows, when it has taken none of these. */
  private async evidence(client: PoolClient, records: readonly WireRecord[]): Promise<Evidence> {
    const { targets, witnesses } = this.options
    const tenants = new Set(records.map(({ tenant }) => tenant))
    if (targets.shared !== undefined) return witnesses.ask(client, targets.shared, tenants)
    // Rows stored in the tables of others say nothing about this table, and enough about the sink.
    return { ...NO_EVIDENCE, othersPass: witnesses.hasOthers(tenants) }
  }
}

/** Not for users: rolls the transaction back, so that rejected records are delivered first. */
class Undelivered extends PipelineError {
  constructor() {
    super('REJECTED_FIRST', 'rejected records have to be safe first', { retryable: true })
  }
}

function onceMore(): DatabaseError {
  const text = 'the table takes rows again; retrying the rows that it has refused'
  return new DatabaseError('transient', 'ONCE_MORE', text, 'postgresTryingAgain')
}

/** What a failed statement says about a part, so that it is not sent again; `undefined`: nothing. */
function faultOf({ rows }: EncodedPart, { records, error }: FailedRows): Fault<DatabaseError> | undefined {
  const named = error.rowFault?.row
  if (named !== undefined) {
    const row = rows.records.indexOf(records[named] as WireRecord)
    return row < 0 ? undefined : { error, row }
  }
  const isSame =
    rows.records.length === records.length && rows.records.every((one, at) => one === records[at])
  return isSame ? { error } : undefined
}

function inOrder(
  rejected: readonly RejectedRecord[],
  records: readonly WireRecord[],
): readonly RejectedRecord[] {
  const byRecord = new Map(rejected.map((one) => [one.record, one]))
  return records.flatMap((record) => byRecord.get(record) ?? [])
}
