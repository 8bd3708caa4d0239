/**
 * The sink without Node-RED: queues messages, writes them, and retries what cannot be written at the moment.
 *
 * It prepares the tables as soon as it is started, and retries until it succeeds. A message waits for that, is then
 * written, and is retried until it is stored or the sink is closed. Messages of one partition are written one after the
 * other, those of different partitions at the same time, as far as the pool allows. After a configuration error the
 * tables are prepared again, so that the sink resumes by itself once the error is fixed.
 */
import { retryForEver } from '../../batching/retry'
import { settlesWithin } from '../../time/deadline'
import { Counts } from '../../watch/counts'
import { Distribution, RECORDS, SECONDS } from '../../watch/distribution'
import { tenantCounts } from '../../watch/tenants'
import type { PipelineError } from '../../wire/errors'
import type { KafkaRange, WireRecord } from '../../wire/message'
import type { Database } from '../connect/database'
import { DatabaseError } from '../connect/database-error'
import type { TableName } from '../connect/identifiers'
import { prepareDeadLetters, type Refuser } from '../dead-letters/dead-letters'
import type { Ledger } from '../ledger/ledger'
import { LedgerRewound, RangeSuperseded } from '../ledger/range-plan'
import { NewestRow } from '../refusals/newest-row'
import { SharedRefusals } from '../refusals/shared-refusals'
import { TenantBreakers } from '../refusals/tenant-breakers'
import { Witnesses } from '../refusals/witnesses'
import { ReplayMarks, type ReplayTables } from '../replay/replay-marks'
import { EmptyColumns } from '../rows/empty-columns'
import type { RejectedRecord } from '../rows/rejected'
import { BatchWriter, lateCopy } from './batch-writer'
import { EarlierAttempts } from './earlier-attempts'
import { Gatherer, type GatherLimits } from './gatherer'
import { JointRanges, type RangeWrite } from './joint-ranges'
import type { MaintainedTables } from './maintained-tables'
import type { SinkEvents } from './sink-events'
import type { SinkState } from './sink-status'
import type { Written } from './transaction'
import type { ExactlyOnce, WriteRequest } from './write-request'

export interface TableSinkOptions {
  readonly database: Database
  readonly ledger: Ledger
  /** What it writes to. @param onChange to be called when `problems` has changed */
  readonly tables: (onChange: () => void) => MaintainedTables
  readonly exactlyOnce: ExactlyOnce
  /** `undefined`: `deliverRejected` stores what can never become a row. */
  readonly deadLetters: TableName | undefined
  readonly events: SinkEvents
  readonly replayTables: ReplayTables
  /** This sink's name in the ledger. */
  readonly ledgerName: string
  /** What it writes to, for the ledger: `schema.table`, or the template of the tenants' schemas in place of the schema. */
  readonly target: string
  readonly limits: GatherLimits
  readonly refuser: Refuser
  readonly deliverRejected: (rejected: readonly RejectedRecord[]) => Promise<void>
  /** The `SinkState` has changed. */
  readonly onChange: () => void
}

export class TableSink implements SinkState {
  ready = false
  waiting = 0
  readonly counts = { rows: 0, rejected: 0 }
  /** Rejected records by the code of their reason. */
  readonly rejections = new Counts()
  readonly tenants = tenantCounts()
  readonly rejectedTenants = tenantCounts()
  /** Seconds of a committed transaction, and its records. */
  readonly durations = new Distribution(SECONDS)
  readonly transactions = new Distribution(RECORDS)
  /** Error of each operation that is being retried, oldest first. */
  private readonly problems = new Map<object, PipelineError>()
  private readonly closing = new AbortController()
  private readonly breakers = new TenantBreakers()
  private readonly refusals = new SharedRefusals()
  private readonly earlier = new EarlierAttempts()
  private readonly emptyColumns = new EmptyColumns()
  private readonly witnesses = new Witnesses()
  private readonly newestRow = new NewestRow()
  private readonly tables: MaintainedTables
  private writer: Promise<BatchWriter> | undefined
  private readonly rangeTails = new Map<string, Promise<unknown>>()
  private readonly joint: JointRanges
  private readonly gatherers = new Map<string, Gatherer<Written>>()

  constructor(private readonly options: TableSinkOptions) {
    this.tables = options.tables(() => this.onChange())
    this.joint = new JointRanges({
      maxBytes: options.limits.maxBytes,
      // The table of one tenant may be locked: ranges with records of others do not wait for it.
      mayJoin: ({ key, range }) => this.tables.areShared && options.ledger.knows(key, range),
      together: (writes) => this.writeTogether(writes),
      alone: ({ key, range, records, isLate }) =>
        this.attempt(records, (writer) => writer.writeRange(key, range, records, isLate)),
    })
  }

  get problem(): PipelineError | undefined {
    const [first] = this.problems.values()
    return first
  }

  get server(): string | undefined {
    return this.options.database.server
  }

  get tenantProblems(): ReadonlyMap<string, PipelineError> {
    return this.tables.problems
  }

  /** What it rejects goes to a table of its own, and not to the output. */
  get keepsDeadLetters(): boolean {
    return this.options.deadLetters !== undefined
  }

  /** Partitions and retention are in order, as far as is known. */
  get isMaintained(): boolean {
    return this.tables.isMaintained
  }

  /** Prepares the tables, now or when the database appears, and maintains them from then on. */
  start(): void {
    const started = this.untilDone(() => this.prepare()).then(() => {
      this.ready = true
      this.onChange()
      if (!this.closing.signal.aborted) this.tables.maintain()
    })
    started.catch(() => undefined)
  }

  /**
   * Resolves when the records of a message are durable, as rows or as rejected records.
   * @param isLate its delivery is over: see `BatchWriter.writeRange`
   * @throws PipelineError `SINK_CLOSED`, or one that is not retryable: these records can never be stored
   */
  async write(request: WriteRequest, isLate = false): Promise<Written> {
    this.waiting++
    try {
      const written = await (request.way === 'range'
        ? this.writeRange(request.range, request.records, isLate)
        : this.writeRecords(request.records))
      return written
    } finally {
      this.waiting--
      this.onChange()
    }
  }

  /**
   * Finishes what is in progress, then gives up the rest. If a problem keeps it from writing, it gives up at once: the
   * source sends the messages again, and the ledger or the key knows which of them are stored.
   */
  async close(budgetMs: number): Promise<void> {
    const maintained = this.tables.close()
    await settlesWithin(this.idleOrStuck(), budgetMs)
    this.closing.abort()
    await maintained
  }

  /** Versions up to 0.1 called a sink by the id of its node. */
  private get formerNames(): readonly string[] {
    return [this.options.refuser.id]
  }

  private async writeRange(
    range: KafkaRange,
    records: readonly WireRecord[],
    isLate: boolean,
  ): Promise<Written> {
    const { clusterId, group, topic, partition } = range
    const { ledgerName: sink, target } = this.options
    const key = { clusterId, group, topic, partition, sink, target, formerNames: this.formerNames }
    const written = this.oneAfterTheOther(JSON.stringify([clusterId, group, topic, partition]), () =>
      this.joint.write({ key, range, records, isLate }),
    )
    return written.catch((error: unknown) => {
      // A delivery that is over is not sent again.
      if (isLate && (error instanceof LedgerRewound || error instanceof RangeSuperseded)) throw lateCopy()
      throw error
    })
  }

  /** Records of one partition keep their order; those from elsewhere are one lane together. */
  private async writeRecords(records: readonly WireRecord[]): Promise<Written> {
    const first = records[0]?.kafka
    const lane = first?.offset === undefined ? '' : JSON.stringify([first.topic, first.partition])
    let gatherer = this.gatherers.get(lane)
    if (gatherer === undefined) {
      gatherer = new Gatherer(this.options.limits, (all) =>
        this.attempt(all, (writer) => writer.writeRecords(all)),
      )
      this.gatherers.set(lane, gatherer)
    }
    try {
      const written = await gatherer.add(records)
      const own = new Set(records)
      const rejected = written.rejected.filter(({ record }) => own.has(record))
      return { rows: records.length - rejected.length, rejected, before: false }
    } finally {
      if (gatherer.idle) this.gatherers.delete(lane)
    }
  }

  private async attempt(
    records: readonly WireRecord[],
    write: (writer: BatchWriter) => Promise<Written>,
  ): Promise<Written> {
    return this.noted(records, await this.untilDone(async () => write(await this.prepare())))
  }

  private noted(records: readonly WireRecord[], written: Written): Written {
    this.counts.rows += written.rows
    this.counts.rejected += written.rejected.length
    for (const { reason, record } of written.rejected) {
      this.rejections.add(reason.code)
      this.rejectedTenants?.add(tenantOf(record))
    }
    if (this.tenants !== undefined && !written.before) countStored(this.tenants, records, written.rejected)
    this.options.events.noteRejected(written.rejected)
    return written
  }

  /** Once: what fails is written range by range, with retries. */
  private async writeTogether(writes: readonly RangeWrite[]): Promise<readonly Written[] | undefined> {
    const writer = await this.prepare().catch(() => undefined)
    const written = await writer?.writeTogether(writes)
    return written?.map((each, at) => this.noted(writes[at]?.records ?? [], each))
  }

  private async untilDone<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await retryForEver(work, {
        signal: this.closing.signal,
        // The consumer has to act, and sends other ranges.
        givesUp: (problem) => problem instanceof LedgerRewound || problem instanceof RangeSuperseded,
        onProblem: (problem) => {
          if (problem instanceof DatabaseError && problem.kind === 'configuration') this.prepareAgain()
          this.problems.set(work, problem)
          this.onChange()
        },
      })
    } finally {
      this.problems.delete(work)
      this.onChange()
    }
  }

  private async oneAfterTheOther<T>(lane: string, work: () => Promise<T>): Promise<T> {
    const before = this.rangeTails.get(lane) ?? Promise.resolve()
    const run = before.then(work, work)
    this.rangeTails.set(lane, run)
    try {
      return await run
    } finally {
      if (this.rangeTails.get(lane) === run) this.rangeTails.delete(lane)
    }
  }

  private idleOrStuck(): Promise<void> {
    return new Promise((resolve) => {
      this.onChange = () => {
        if (this.waiting === 0 || this.problem !== undefined) resolve()
      }
      this.onChange()
    })
  }

  /** Replaced while the sink is closing. */
  private onChange = (): void => this.options.onChange()

  private prepare(): Promise<BatchWriter> {
    if (this.writer === undefined) {
      this.writer = this.openWriter()
      this.writer.catch(() => (this.writer = undefined))
    }
    return this.writer
  }

  private prepareAgain(): void {
    this.writer = undefined
    this.tables.forget()
    this.options.ledger.forget()
  }

  private async openWriter(): Promise<BatchWriter> {
    const { database, ledger, exactlyOnce, ledgerName, deadLetters, refuser, deliverRejected, events } =
      this.options
    if (exactlyOnce === 'ledger') await ledger.prepare()
    if (deadLetters !== undefined) await prepareDeadLetters(database, deadLetters)
    return new BatchWriter({
      database,
      ledger,
      targets: await this.tables.targets(),
      breakers: this.breakers,
      refusals: this.refusals,
      earlier: this.earlier,
      witnesses: this.witnesses,
      newestRow: this.newestRow,
      deadLetters,
      refuser,
      deliverRejected,
      replays:
        exactlyOnce === 'ledger'
          ? new ReplayMarks(this.options.replayTables, ledgerName, this.formerNames)
          : undefined,
      onCommitted: (records, seconds) => {
        this.transactions.add(records)
        this.durations.add(seconds)
      },
      onPositionMoved: () => events.notePositionMoved(),
      onDays: (days) => this.tables.noteDays(days),
      onTimeReplaced: (records) => events.noteTimeReplaced(records),
      onStored: (rows, empty) => events.noteEmptyColumns(this.emptyColumns.note(rows, empty)),
    })
  }
}

function countStored(
  tenants: Counts,
  records: readonly WireRecord[],
  rejected: readonly RejectedRecord[],
): void {
  const isRejected = new Set(rejected.map(({ record }) => record))
  for (const record of records) if (!isRejected.has(record)) tenants.add(tenantOf(record))
}

const tenantOf = ({ tenant }: WireRecord): string => String(tenant ?? '')
