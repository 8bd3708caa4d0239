/**
 * The sink without Node-RED: prepares the table, writes messages, holds what cannot be written at the moment, and
 * keeps the table in order.
 *
 * In prose: it prepares as soon as it is started, and tries until it succeeds. A message waits for that, is then
 * written, and is tried again for ever, until it is stored or the sink is closed. Messages of one partition are
 * written one after the other, those of different partitions at the same time, as far as the pool allows. After a
 * fault of the configuration the table is prepared anew, so that the sink goes on by itself when it is mended.
 */
import { settlesWithin } from '../runtime/deadline'
import { PipelineError } from '../runtime/errors'
import type { KafkaRange, WireRecord } from '../runtime/wire'
import { BatchWriter } from './batch-writer'
import type { Column, PayloadType, PropertyPath } from './columns'
import { CopyWriter } from './copy-writer'
import type { Database } from './database'
import { DatabaseError } from './database-error'
import { prepareDeadLetters, type Refuser } from './dead-letters'
import { Gatherer, type GatherLimits } from './gatherer'
import type { TableName } from './identifiers'
import { LedgerRewound } from './ledger'
import { DailyPartitions } from './partitions'
import type { TimeBounds } from './record-time'
import type { Written } from './record-writer'
import type { RejectedRecord } from './rejected'
import { ReplayMarks } from './replay-marks'
import { dropOutdated } from './retention'
import { retryForEver } from './retry'
import type { ExactlyOnce, Route } from './routing'
import { SharedTable } from './row-target'
import type { SinkEvents } from './sink-events'
import { StagedWriter } from './staged-writer'
import { prepareTable, type TableLayout } from './table'
import { TenantBreakers } from './tenant-breakers'

export interface TableSinkOptions {
  readonly database: Database
  readonly table: TableName
  readonly createTable: boolean
  readonly columns: readonly Column[]
  readonly payloadType: PayloadType
  readonly timeProperty: PropertyPath | undefined
  readonly bounds: TimeBounds
  readonly exactlyOnce: ExactlyOnce
  /** Columns of the unique index, for `exactlyOnce: 'key'`. */
  readonly key: readonly string[]
  /** This sink's name in the ledger. */
  readonly ledgerName: string
  readonly limits: GatherLimits
  /** 0: rows are kept. */
  readonly retentionDays: number
  readonly deadLetters: TableName | undefined
  readonly refuser: Refuser
  readonly deliverRejected: (rejected: readonly RejectedRecord[]) => Promise<void>
  /** Something that `problem`, `waiting` or the counts say has changed. */
  readonly onChange: () => void
  readonly events: SinkEvents
}

const MAINTENANCE_INTERVAL_MS = 3_600_000

interface Prepared {
  readonly writer: BatchWriter
  readonly layout: TableLayout
  readonly partitions: DailyPartitions | undefined
}

export class TableSink {
  /** What keeps it from writing; `undefined` when all is well. */
  problem: PipelineError | undefined
  /** It has reached the database and found, or made, the table. */
  ready = false
  /** Messages that it holds. */
  waiting = 0
  /** Rows and rejected records since the start. */
  readonly counts = { rows: 0, rejected: 0 }
  private readonly closing = new AbortController()
  private readonly breakers = new TenantBreakers()
  private prepared: Promise<Prepared> | undefined
  private readonly rangeTails = new Map<string, Promise<unknown>>()
  private readonly gatherers = new Map<string, Gatherer<Written>>()
  private maintenance: NodeJS.Timeout | undefined
  private maintaining: Promise<void> = Promise.resolve()

  constructor(private readonly options: TableSinkOptions) {}

  /** The server that is written to, where there are several to choose from. */
  get server(): string | undefined {
    return this.options.database.server
  }

  /** Prepares the table, now or when the database appears, and keeps it in order from then on. */
  start(): void {
    const started = this.untilDone(() => this.prepare()).then(() => {
      this.ready = true
      this.onChange()
      this.maintain()
      this.maintenance = setInterval(() => this.maintain(), MAINTENANCE_INTERVAL_MS)
      this.maintenance.unref()
    })
    started.catch(() => undefined)
  }

  /**
   * Resolves when the records of a message are durable, as rows or as rejected records.
   * @throws PipelineError `SINK_CLOSED`, or one that is not retryable: these records can never be stored
   */
  async write(route: Route): Promise<Written> {
    this.waiting++
    try {
      const written = await (route.way === 'range'
        ? this.writeRange(route.range, route.records)
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
    clearInterval(this.maintenance)
    await settlesWithin(this.idleOrStuck(), budgetMs)
    this.closing.abort()
    await this.maintaining
  }

  // ---- writing -------------------------------------------------------------------------------------------

  private writeRange(range: KafkaRange, records: readonly WireRecord[]): Promise<Written> {
    const { clusterId, group, topic, partition } = range
    const key = { clusterId, group, topic, partition, sink: this.options.ledgerName }
    return this.oneAfterTheOther(JSON.stringify([clusterId, group, topic, partition]), () =>
      this.attempt(({ writer }) => writer.writeRange(key, range, records)),
    )
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
    const result = await retryForEver(work, {
      signal: this.closing.signal,
      // The consumer has to act, and comes back with other ranges.
      givesUp: (problem) => problem instanceof LedgerRewound,
      onProblem: (problem) => {
        if (problem instanceof DatabaseError && problem.kind === 'configuration') this.prepareAgain()
        this.problem = problem
        this.onChange()
      },
    })
    this.problem = undefined
    this.onChange()
    return result
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
    this.options.database.ledger.forget()
  }

  private async prepareEverything(): Promise<Prepared> {
    const { database, table, columns, createTable, exactlyOnce, deadLetters } = this.options
    const key = exactlyOnce === 'key' ? this.options.key : undefined
    if (exactlyOnce === 'ledger') await database.ledger.prepare()
    if (deadLetters !== undefined) await prepareDeadLetters(database, deadLetters)
    const layout = await prepareTable(database, { table, columns, create: createTable, key })
    const partitions = layout === 'by day' ? new DailyPartitions(database, table) : undefined
    await partitions?.ensureAhead()
    const names = columns.map(({ name }) => name)
    const { payloadType, timeProperty, bounds, refuser, deliverRejected, events } = this.options
    const writer = new BatchWriter({
      database,
      targets: new SharedTable({
        table,
        mapping: {
          columns,
          payloadType,
          timeProperty,
          bounds,
          boundTime: layout !== 'plain',
          key: key ?? [],
        },
        writer: key === undefined ? new CopyWriter(table, names) : new StagedWriter(table, names, key),
        partitions,
      }),
      breakers: this.breakers,
      screening: { columns, payloadType },
      deadLetters,
      refuser,
      deliverRejected,
      replays: key === undefined ? new ReplayMarks(database, this.options.ledgerName) : undefined,
      onPositionMoved: () => events.notePositionMoved(),
    })
    return { writer, layout, partitions }
  }

  /** Partitions for the days to come, and none for the days gone by. Never rejects. */
  private maintain(): void {
    const { database, table, retentionDays: days, events } = this.options
    this.maintaining = (async () => {
      if (this.closing.signal.aborted) return
      const { layout, partitions } = await this.prepare()
      await partitions?.ensureAhead()
      if (days === 0 || (layout !== 'by day' && layout !== 'hypertable')) return
      try {
        events.noteOutdated(await dropOutdated(database, { table, layout, days }))
      } finally {
        partitions?.forget()
      }
    })().catch((error: unknown) => {
      if (error instanceof PipelineError) events.noteMaintenanceProblem(error)
    })
  }
}
