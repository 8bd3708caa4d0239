/**
 * The sink without Node-RED: prepares the table, writes messages, holds what cannot be written at the moment, and
 * keeps the table in order.
 *
 * In prose: it prepares as soon as it is started, and tries until it succeeds. A message waits for that, is then
 * written, and is tried again for ever, until it is stored or the sink is closed. Messages of one partition are
 * written one after the other, those of different partitions at the same time, as far as the pool allows. After a
 * fault of the configuration the table is prepared anew, so that the sink goes on by itself when it is mended.
 */
import { settlesWithin } from '../../time/deadline'
import type { PipelineError } from '../../wire/errors'
import type { KafkaRange, WireRecord } from '../../wire/message'
import { Arrivals } from '../table/arrivals'
import { BatchWriter, lateCopy } from './batch-writer'
import type { Column, PayloadType, PropertyPath } from '../rows/columns'
import type { Database } from '../connect/database'
import { DatabaseError } from '../connect/database-error'
import { prepareDeadLetters, type Refuser } from '../dead-letters/dead-letters'
import { EmptyColumns } from '../rows/empty-columns'
import { Gatherer, type GatherLimits } from './gatherer'
import type { HypertablePolicy } from '../table/hypertable'
import type { TableName } from '../connect/identifiers'
import { LedgerRewound, RangeSuperseded } from '../ledger/ledger'
import { TableMaintenance } from '../table/maintenance'
import type { OutdatedPart } from '../table/outdated-parts'
import { preparedTable, type PreparedTable, type RowOptions } from '../write/prepared-table'
import type { TimeBounds } from '../rows/record-time'
import type { Written } from './record-writer'
import type { RejectedRecord } from '../rows/rejected'
import { ReplayMarks } from '../replay/replay-marks'
import { retryForEver } from '../../batching/retry'
import type { ExactlyOnce, Route } from './routing'
import { SharedTable } from '../write/row-target'
import { SharedRefusals } from '../refusals/shared-refusals'
import type { SinkEvents } from './sink-events'
import { TenantBreakers } from '../refusals/tenant-breakers'
import type { SchemaTemplate } from '../tenants/tenant-schema'
import { TenantTables } from '../tenants/tenant-tables'
import { NewestRow } from '../refusals/newest-row'
import { Witnesses } from '../refusals/witnesses'

export interface TableSinkOptions {
  readonly database: Database
  readonly table: TableName
  /** Each tenant's rows go to a table of this name in a schema of its own, and none to `table.schema`. */
  readonly tenantSchemas: SchemaTemplate | undefined
  readonly createTable: boolean
  /** A role that reads the shared table under row-level security. */
  readonly reader: RowOptions['reader']
  readonly columns: readonly Column[]
  readonly payloadType: PayloadType
  readonly timeProperty: PropertyPath | undefined
  readonly bounds: TimeBounds
  readonly exactlyOnce: ExactlyOnce
  /** Columns of the unique index, for `exactlyOnce: 'key'`. */
  readonly key: readonly string[]
  /** This sink's name in the ledger. */
  readonly ledgerName: string
  /** What it writes to, for the ledger: `schema.table`, or the template of the tenants' schemas in place of the schema. */
  readonly target: string
  readonly limits: GatherLimits
  /** 0: rows are kept. */
  readonly retentionDays: number
  /** Counts where the table is a hypertable. */
  readonly hypertable: Omit<HypertablePolicy, 'retentionDays'>
  readonly deadLetters: TableName | undefined
  readonly refuser: Refuser
  readonly deliverRejected: (rejected: readonly RejectedRecord[]) => Promise<void>
  /** Something that `problem`, `waiting` or the counts say has changed. */
  readonly onChange: () => void
  readonly events: SinkEvents
}

/** A misled fleet could name any number. */
const MAX_TENANT_PROBLEMS = 1000

interface Prepared {
  readonly writer: BatchWriter
  /** Of the table that all tenants share. */
  readonly shared: PreparedTable | undefined
}

export class TableSink {
  /** Of each piece of work that waits for another attempt, the longest waiting first. */
  private readonly problems = new Map<object, PipelineError>()
  /** It has reached the database and found, or made, the table. */
  ready = false
  /** What keeps it from writing the table of a tenant, whose records become dead letters meanwhile. */
  readonly tenantProblems = new Map<string, PipelineError>()
  /** Messages that it holds. */
  waiting = 0
  /** Rows and rejected records since the start. */
  readonly counts = { rows: 0, rejected: 0 }
  private readonly closing = new AbortController()
  private readonly breakers = new TenantBreakers()
  private readonly refusals = new SharedRefusals()
  private readonly emptyColumns = new EmptyColumns()
  private readonly witnesses = new Witnesses()
  private readonly newestRow = new NewestRow()
  private readonly tenantTables: TenantTables | undefined
  private prepared: Promise<Prepared> | undefined
  private readonly rangeTails = new Map<string, Promise<unknown>>()
  private readonly gatherers = new Map<string, Gatherer<Written>>()
  private readonly maintenance: TableMaintenance
  private readonly arrivals = new Arrivals()

  constructor(private readonly options: TableSinkOptions) {
    this.maintenance = this.maintenanceOf(options)
    const { tenantSchemas } = options
    if (tenantSchemas !== undefined) this.tenantTables = this.tablesOf(tenantSchemas)
  }

  /**
   * What keeps it from writing, until the work that met it has got through; `undefined` when all is well. Others may
   * get through meanwhile: a partition that is stuck must not look well because its neighbours are.
   */
  get problem(): PipelineError | undefined {
    const [first] = this.problems.values()
    return first
  }

  /** The server that is written to, where there are several to choose from. */
  get server(): string | undefined {
    return this.options.database.server
  }

  /** Prepares the table, now or when the database appears, and keeps it in order from then on. */
  start(): void {
    const started = this.untilDone(() => this.prepare()).then(() => {
      this.ready = true
      this.onChange()
      if (!this.closing.signal.aborted) this.maintenance.start()
    })
    started.catch(() => undefined)
  }

  /**
   * Resolves when the records of a message are durable, as rows or as rejected records.
   * @param isLate its delivery is over: see `BatchWriter.writeRange`
   * @throws PipelineError `SINK_CLOSED`, or one that is not retryable: these records can never be stored
   */
  async write(route: Route, isLate = false): Promise<Written> {
    this.waiting++
    try {
      const written = await (route.way === 'range'
        ? this.writeRange(route.range, route.records, isLate)
        : this.writeRecords(route.records))
      return written
    } finally {
      this.waiting--
      this.onChange()
    }
  }

  /**
   * Finishes what is under way, then gives up what is left. While something keeps it from writing it gives up at
   * once: the source brings the messages again, and the ledger or the key knows which of them are stored.
   */
  async close(budgetMs: number): Promise<void> {
    const maintained = this.maintenance.close()
    await settlesWithin(this.idleOrStuck(), budgetMs)
    this.closing.abort()
    await maintained
  }

  // ---- writing -------------------------------------------------------------------------------------------

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
    const { ledgerName, target } = this.options
    const key = {
      clusterId,
      group,
      topic,
      partition,
      sink: ledgerName,
      target,
      formerNames: this.formerNames,
    }
    const written = this.oneAfterTheOther(JSON.stringify([clusterId, group, topic, partition]), () =>
      this.attempt(({ writer }) => writer.writeRange(key, range, records, isLate)),
    )
    return written.catch((error: unknown) => {
      // Of a delivery that is over nothing is sent again.
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
        this.attempt(({ writer }) => writer.writeRecords(all)),
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

  private async attempt(write: (prepared: Prepared) => Promise<Written>): Promise<Written> {
    const written = await this.untilDone(async () => write(await this.prepare()))
    this.counts.rows += written.rows
    this.counts.rejected += written.rejected.length
    this.options.events.noteRejected(written.rejected)
    return written
  }

  private async untilDone<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await retryForEver(work, {
        signal: this.closing.signal,
        // The consumer has to act, and comes back with other ranges.
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

  // ---- the table -----------------------------------------------------------------------------------------

  private prepare(): Promise<Prepared> {
    if (this.prepared === undefined) {
      this.prepared = this.prepareEverything()
      this.prepared.catch(() => (this.prepared = undefined))
    }
    return this.prepared
  }

  private prepareAgain(): void {
    this.prepared = undefined
    this.tenantTables?.forget()
    this.options.database.ledger.forget()
  }

  private async prepareEverything(): Promise<Prepared> {
    const { database, table, exactlyOnce, deadLetters } = this.options
    if (exactlyOnce === 'ledger') await database.ledger.prepare()
    if (deadLetters !== undefined) await prepareDeadLetters(database, deadLetters)
    const { tenantTables } = this
    const shared =
      tenantTables === undefined ? await preparedTable(database, table, this.rowOptions(), false) : undefined
    if (shared !== undefined) await this.maintenance.keepPolicy(shared)
    const { refuser, deliverRejected, events } = this.options
    const writer = new BatchWriter({
      database,
      targets: shared === undefined ? (tenantTables as TenantTables) : new SharedTable(shared),
      breakers: this.breakers,
      refusals: this.refusals,
      witnesses: this.witnesses,
      newestRow: this.newestRow,
      deadLetters,
      refuser,
      deliverRejected,
      replays:
        exactlyOnce === 'ledger'
          ? new ReplayMarks(database, this.options.ledgerName, this.formerNames)
          : undefined,
      onPositionMoved: () => events.notePositionMoved(),
      onDays: (days) => this.arrivals.note(days),
      onTimeReplaced: (records) => events.noteTimeReplaced(records),
      onStored: (rows, empty) => events.noteEmptyColumns(this.emptyColumns.note(rows, empty)),
    })
    return { writer, shared }
  }

  private rowOptions(): RowOptions {
    const { exactlyOnce, key, ...options } = this.options
    return { ...options, key: exactlyOnce === 'key' ? key : undefined }
  }

  private tablesOf(template: SchemaTemplate): TenantTables {
    const { database, table, deadLetters, events } = this.options
    return new TenantTables({
      database,
      template,
      table: table.table,
      reserved: [table.schema, database.ledger.table.schema, deadLetters?.schema ?? table.schema],
      prepare: async (schema) => {
        const own = { schema, table: table.table }
        const prepared = await preparedTable(database, own, this.rowOptions(), true)
        await this.maintenance.keepPolicy(prepared)
        return prepared
      },
      onFault: (tenant, problem) => {
        if (problem === undefined) this.tenantProblems.delete(tenant)
        else if (this.tenantProblems.size < MAX_TENANT_PROBLEMS) this.tenantProblems.set(tenant, problem)
        events.noteTenantTable(tenant, problem)
        this.onChange()
      },
    })
  }

  // ---- the tables in the course of time ------------------------------------------------------------------

  get retentionDays(): number {
    return this.options.retentionDays
  }

  /** What the retention would drop now if it were so many days: `maintenance.ts`. */
  outdated(days: number): Promise<OutdatedPart[]> {
    return this.maintenance.outdated(days)
  }

  private maintenanceOf(options: TableSinkOptions): TableMaintenance {
    return new TableMaintenance({
      ...options,
      watch: this.arrivals,
      tables: async () => {
        const { shared } = await this.prepare()
        return shared === undefined ? ((await this.tenantTables?.all()) ?? []) : [shared]
      },
      partitions: async () => {
        const { shared } = await this.prepare()
        if (shared === undefined) return (await this.tenantTables?.partitions()) ?? []
        return shared.partitions === undefined ? [] : [shared.partitions]
      },
      forgetPartitions: () => {
        const forget = ({ shared }: Prepared): void => (shared?.partitions ?? this.tenantTables)?.forget()
        void this.prepared?.then(forget, () => undefined)
      },
    })
  }
}
