/**
 * One attempt to write records: rows, dead letters and, where there is one, the position in the ledger, in a single
 * transaction. Who calls it again after a transient error, see `retry.ts`.
 *
 * In prose: the rows are written at one go. When PostgreSQL refuses one of them, the transaction is rolled back
 * and the batch is written carefully: payloads that are certain to be refused are taken out without asking, the
 * others are bisected between savepoints, and what is refused alone becomes a dead letter. The rows of a tenant that
 * is known for rubbish, or at whose row the batch has failed, are written after those of the others: these then take
 * one statement. When every row is refused, the table may be at fault and not the rows: rows that it has taken lately
 * are tried again, and `shared-refusals.ts` decides.
 *
 * Where each tenant has a table of its own, a table that cannot be written becomes the fate of its tenant's records
 * alone, once it is certain that the tables of others can: docs/decisions/tenant-tables.md.
 */
import type { PoolClient } from 'pg'
import { PipelineError } from '../../wire/errors'
import type { WireRecord } from '../../wire/message'
import type { Fault } from '../write/bisect'
import type { Database } from '../connect/database'
import { DatabaseError } from '../connect/database-error'
import { writeDeadLetters, type Refuser } from '../dead-letters/dead-letters'
import type { TableName } from '../connect/identifiers'
import { refusedElement } from '../rows/elements'
import {
  mayBeRow,
  writePart,
  writeRows,
  type EncodedPart,
  type Patience,
  type WrittenPart,
} from '../write/part-writer'
import type { PositionMove } from '../ledger/position-move'
import { isOfGoodRecord, type RejectedRecord } from '../rows/rejected'
import { encodeRows, type RowMapping } from '../rows/row-mapping'
import type { RowTargets, TableFailure } from '../write/row-target'
import type { NewestRow } from '../refusals/newest-row'
import { refusedPayload } from '../refusals/screen'
import type { RefusalCount, SharedRefusals } from '../refusals/shared-refusals'
import { divideBySuspicion, type TenantBreakers } from '../refusals/tenant-breakers'
import { NO_EVIDENCE, type Evidence, type Witnesses } from '../refusals/witnesses'
import { writtenOff } from '../refusals/write-off'

export interface RecordWriterOptions {
  readonly database: Database
  readonly targets: RowTargets
  readonly breakers: TenantBreakers
  /** Of all partitions of the sink together. */
  readonly refusals: SharedRefusals
  /** Rows that the table has taken lately. */
  readonly witnesses: Witnesses
  readonly newestRow: NewestRow
  /** `undefined`: rejected records are given to `deliverRejected` before the batch is committed without them. */
  readonly deadLetters: TableName | undefined
  readonly refuser: Refuser
  /** Resolves when these records are safe elsewhere. */
  readonly deliverRejected: (rejected: readonly RejectedRecord[]) => Promise<void>
  /** Rows that fall on these days (since 1970, UTC) are being written. */
  readonly onDays?: (days: ReadonlySet<number>) => void
  /** Rows were stored whose time is not the device's, although it should be. */
  readonly onTimeReplaced?: (records: readonly WireRecord[]) => void
  /** Rows were stored of which these columns have no value. */
  readonly onStored?: (rows: number, emptyColumns: readonly string[]) => void
}

export interface Written {
  readonly rows: number
  readonly rejected: readonly RejectedRecord[]
  /** All of it had been written before. */
  readonly before: boolean
}

/** What goes into one transaction. */
interface Batch {
  readonly records: readonly WireRecord[]
  /** May still grow while the rows are written. */
  readonly rejected: readonly RejectedRecord[]
  /** So many rejected records of this batch are safe elsewhere already. */
  readonly delivered: number
  readonly parts: readonly EncodedPart[]
  readonly position: PositionMove
}

/** Rows that PostgreSQL did not take at one go. */
interface FailedRows {
  readonly records: readonly WireRecord[]
  readonly error: DatabaseError
}

interface CarefulWay {
  /** Screen all records, not only the suspects'. */
  readonly looksAtAll: boolean
  /** As it was when the first row of the batch was tried. */
  readonly begunUnder: RefusalCount
  /** What came of the rows at one go. */
  readonly failed?: FailedRows | undefined
}

interface Stored {
  /** Those of which rows were written. */
  readonly parts: readonly EncodedPart[]
  /** As PostgreSQL says. */
  readonly rows: number
}

/** After a batch with bad payloads, so many batches are looked through first. */
const WATCHFUL_BATCHES = 20

/** So often a batch may run into a limit before one of its rows is taken for the reason. */
const PATIENT_ATTEMPTS = 3

export class RecordWriter {
  private watchful = 0
  /** How often a batch, known by its first record, has run into a limit that one of its rows may exceed. */
  private readonly overLimit = new WeakMap<WireRecord, number>()
  /** Batches, known by their first record, whose last attempt has found the table at fault. */
  private readonly stopped = new WeakSet<WireRecord>()

  constructor(private readonly options: RecordWriterOptions) {}

  /**
   * @returns undefined when the position was not where it had been read
   * @throws PipelineError; retryable: call again
   */
  async write(
    records: readonly WireRecord[],
    position: PositionMove,
    partitionsForgotten = false,
  ): Promise<Written | undefined> {
    try {
      return await this.quicklyOrCarefully(records, position)
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      if (error.rowFault?.blame === 'in the end') this.noteOverLimit(records)
      if (error.kind === 'configuration' && records[0] !== undefined) this.stopped.add(records[0])
      if (!error.missingPartition || partitionsForgotten) throw error
      if (!this.options.targets.forgetPartitions()) throw error
      return this.write(records, position, true)
    }
  }

  private noteOverLimit([first]: readonly WireRecord[]): void {
    if (first !== undefined) this.overLimit.set(first, (this.overLimit.get(first) ?? 0) + 1)
  }

  private patienceWith([first]: readonly WireRecord[]): Patience {
    return { isOver: first !== undefined && (this.overLimit.get(first) ?? 0) >= PATIENT_ATTEMPTS }
  }

  private async quicklyOrCarefully(
    records: readonly WireRecord[],
    position: PositionMove,
  ): Promise<Written | undefined> {
    const { breakers, refusals, targets } = this.options
    const begunUnder = refusals.current
    const carefully = (how: Partial<CarefulWay> = {}): Promise<Written | undefined> =>
      this.carefully(records, position, { looksAtAll: true, begunUnder, ...how })
    const isWatchful = this.watchful > 0
    if (isWatchful) this.watchful--
    if (records.some(({ tenant }) => breakers.isOpen(tenant))) {
      return carefully({ looksAtAll: isWatchful })
    }
    const { parts, rejected, failures } = await this.prepared(records, () => false, isWatchful)
    if (rejected.length > 0 || failures.length > 0) {
      return carefully()
    }
    let writing: EncodedPart | undefined
    try {
      const written = await this.commit(
        { records, rejected: [], delivered: 0, parts, position },
        async (client) => {
          let rows = 0
          for (const part of parts) {
            writing = part
            rows += await writeRows(client, part, 0, part.rows.copy.rows)
          }
          writing = undefined
          return { parts, rows }
        },
      )
      if (written !== undefined) refusals.note(records, [])
      return written
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error
      const failed = writing && { records: writing.rows.records, error }
      if (error.kind === 'data') return carefully({ failed })
      const shared = writing?.tenant === undefined ? writing?.target : undefined
      if (shared !== undefined && mayBeRow(error, shared, this.patienceWith(records))) {
        return carefully({ failed })
      }
      if (writing?.tenant === undefined || !targets.isOwnFault(writing.target, error)) throw error
      targets.noteFailed(writing.tenant, error)
      return carefully()
    }
  }

  private async carefully(
    records: readonly WireRecord[],
    position: PositionMove,
    how: CarefulWay,
  ): Promise<Written | undefined> {
    const claims: (() => void)[] = []
    let written: Written | undefined
    try {
      written = await this.writeCarefully(records, position, how, claims)
    } finally {
      if (written === undefined) for (const giveBack of claims) giveBack()
    }
    return written
  }

  /** @param claims on the table's being at fault: they hold when it is committed */
  private async writeCarefully(
    records: readonly WireRecord[],
    position: PositionMove,
    how: CarefulWay,
    claims: (() => void)[],
  ): Promise<Written | undefined> {
    const { deadLetters, deliverRejected, breakers, refusals, targets } = this.options
    const guilty = how.failed?.records[how.failed.error.rowFault?.row ?? -1]
    const isSuspect = (tenant: unknown): boolean =>
      breakers.isOpen(tenant) || (guilty !== undefined && guilty.tenant === tenant)
    const patience = this.patienceWith(records)
    let { begunUnder, failed } = how
    let due = records
    const delivered: RejectedRecord[] = []
    for (;;) {
      const prepared = await this.prepared(due, isSuspect, how.looksAtAll)
      const rejected = [...prepared.rejected]
      let found: readonly RejectedRecord[] = []
      const batch = { records: due, rejected, delivered: delivered.length, parts: prepared.parts, position }
      const written = await this.commit(batch, async (client) => {
        const failures = [...prepared.failures]
        const parts: EncodedPart[] = []
        let rows = 0
        let doubt: DatabaseError | undefined
        for (const part of prepared.parts) {
          const known = failed && faultOf(part, failed)
          const written = await writePart(client, part, targets, patience, known)
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
        const wasStopped = rejected.length > 0 && records[0] !== undefined && this.stopped.delete(records[0])
        if (wasStopped && parts.length > 0) throw onceMore()
        if (parts.length === 0 && rejected.length > 0) {
          const evidence = await this.evidence(client, due)
          if (doubt !== undefined && !evidence.anyPasses) throw doubt
          if (rejected.length === due.length) claims.push(refusals.claim(rejected, begunUnder, evidence))
        }
        if (deadLetters === undefined && rejected.length > 0) throw new Undelivered()
        return { parts, rows }
      }).catch((error: unknown) => {
        if (!(error instanceof Undelivered)) throw error
        found = inOrder(rejected, due)
        return undefined
      })
      if (found.length === 0) {
        if (written === undefined) return undefined
        const all = [...delivered, ...inOrder(written.rejected, due)]
        this.remember(records, all)
        return { ...written, rejected: all }
      }
      await deliverRejected(found)
      delivered.push(...found)
      failed = undefined
      begunUnder = refusals.current
      const gone = new Set(found.map(({ record }) => record))
      due = due.filter((record) => !gone.has(record))
    }
  }

  /** Of a table that all tenants share: another one's is the fate of its tenant anyway. */
  private faultOfTable(part: EncodedPart, { homeless, passedMs }: WrittenPart): DatabaseError | undefined {
    if (part.tenant !== undefined) return undefined
    return this.options.newestRow.faultOfTable(part.target, homeless, passedMs, part.rows.nowMs)
  }

  /** Whether the table takes other rows, when it has taken none of these. */
  private async evidence(client: PoolClient, records: readonly WireRecord[]): Promise<Evidence> {
    const { targets, witnesses } = this.options
    const tenants = new Set(records.map(({ tenant }) => tenant))
    if (targets.shared !== undefined) return witnesses.ask(client, targets.shared, tenants)
    // What is stored in the tables of others says nothing about a table, and enough about the sink.
    return { ...NO_EVIDENCE, othersPass: witnesses.hasOthers(tenants) }
  }

  /**
   * Divides records by table and by suspicion, the suspects last, and sees to it that the rows have a place.
   *
   * @param looksAtAll screen all payloads, not only the suspects': for what the column of their own table can hold
   */
  private async prepared(
    records: readonly WireRecord[],
    isSuspect: (tenant: unknown) => boolean,
    looksAtAll: boolean,
  ): Promise<{ parts: EncodedPart[]; rejected: RejectedRecord[]; failures: TableFailure[] }> {
    const { targets } = this.options
    const division = await targets.divide(records)
    const rejected = [...division.rejected]
    const failures = [...division.failures]
    const [others, suspects]: [EncodedPart[], EncodedPart[]] = [[], []]
    for (const { target, tenant, records } of division.parts) {
      const { given, refused } = screened(
        records,
        target.mapping,
        (tenant) => looksAtAll || isSuspect(tenant),
      )
      rejected.push(...refused)
      for (const run of divideBySuspicion(given, isSuspect)) {
        let rows = encodeRows(target.mapping, run, this.options.database.clock.now())
        try {
          this.options.onDays?.(rows.days)
          const refused = await target.partitions?.forRows(rows.days, rows.nowMs)
          if ((refused?.size ?? 0) > 0) rows = encodeRows(target.mapping, run, rows.nowMs, refused)
        } catch (error) {
          if (!(error instanceof DatabaseError) || tenant === undefined) throw error
          if (!targets.isOwnFault(target, error)) throw error
          targets.noteFailed(tenant, error)
          rejected.push(...rows.rejected)
          failures.push({ tenant, records: rows.records, error })
          continue
        }
        rejected.push(...rows.rejected)
        const isLast = run[0] !== undefined && isSuspect(run[0].tenant)
        ;(isLast ? suspects : others).push({ target, tenant, records: run, rows })
      }
    }
    return { parts: [...others, ...suspects], rejected, failures }
  }

  /** The transaction. */
  private async commit(
    { records, rejected, delivered, parts, position }: Batch,
    write: (client: PoolClient) => Promise<Stored>,
  ): Promise<Written | undefined> {
    const { database, deadLetters, refuser, targets } = this.options
    let stored: readonly EncodedPart[] = []
    try {
      const everything = async (client: PoolClient): Promise<void> => {
        const expected = {
          rows: parts.reduce((sum, { rows }) => sum + rows.copy.rows, 0),
          deadLetters: rejected.length + delivered,
        }
        if (!(await position.move(client, expected))) throw new PositionMoved()
        const written = await write(client)
        stored = written.parts
        if (deadLetters !== undefined && rejected.length > 0) {
          await writeDeadLetters(client, deadLetters, rejected, refuser, position.clusterId)
        }
        await position.correct(client, expected, {
          rows: written.rows,
          deadLetters: rejected.length + delivered,
        })
      }
      await database.transaction(`writing to ${targets.name}`, everything, position.lane)
    } catch (error) {
      if (error instanceof PositionMoved) return undefined
      throw error
    }
    for (const { rows } of stored) this.options.onStored?.(rows.copy.rows, rows.empty)
    const isRejected = new Set(rejected.map(({ record }) => record))
    for (const part of stored) {
      this.options.witnesses.note(part, isRejected)
      if (part.tenant === undefined) this.noteTimes(part, isRejected)
    }
    this.options.onTimeReplaced?.(stored.flatMap(({ rows }) => rows.timeReplaced))
    targets.noteWritten(stored.flatMap(({ tenant }) => tenant ?? []))
    return { rows: records.length - rejected.length, rejected, before: false }
  }

  private noteTimes({ rows }: EncodedPart, rejected: ReadonlySet<WireRecord>): void {
    const { timesMs, records, nowMs } = rows
    const stored =
      rejected.size === 0
        ? timesMs
        : timesMs.filter((_, index) => !rejected.has(records[index] as WireRecord))
    this.options.newestRow.note(stored, nowMs)
  }

  private remember(records: readonly WireRecord[], rejected: readonly RejectedRecord[]): void {
    const { breakers, refusals } = this.options
    refusals.note(records, rejected)
    const bad = new Set(rejected.filter(({ reason }) => !isOfGoodRecord(reason)).map(({ record }) => record))
    if ([...bad].some(({ tenant }) => !breakers.isOpen(tenant))) this.watchful = WATCHFUL_BATCHES
    breakers.note(records, (record) => bad.has(record))
  }
}

/** Takes out what the table is certain to refuse. */
function screened(
  records: readonly WireRecord[],
  { columns, payloadType }: RowMapping,
  isLookedAt: (tenant: unknown) => boolean,
): { given: readonly WireRecord[]; refused: readonly RejectedRecord[] } {
  if (!columns.some(({ source }) => source.kind === 'payload')) return { given: records, refused: [] }
  const refused: RejectedRecord[] = []
  const given = records.filter((record) => {
    if (!isLookedAt(record.tenant)) return true
    const reason = refusedElement(record) ?? refusedPayload(record.payload, payloadType)
    if (reason !== undefined) refused.push({ record, reason })
    return reason === undefined
  })
  return { given, refused }
}

/** Not for users: they end a transaction that shall not be committed. */
class PositionMoved extends PipelineError {
  constructor() {
    super('POSITION_MOVED', 'the ledger has moved', { retryable: true })
  }
}
class Undelivered extends PipelineError {
  constructor() {
    super('REJECTED_FIRST', 'rejected records have to be safe first', { retryable: true })
  }
}

function onceMore(): DatabaseError {
  const text = 'the table takes rows again; trying those once more that it has refused'
  return new DatabaseError('transient', 'ONCE_MORE', text, 'trying again')
}

/** What a failure tells about a part, so that it need not be asked again; `undefined`: nothing. */
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
