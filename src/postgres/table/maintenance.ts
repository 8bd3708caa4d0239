/**
 * Keeps the tables of a sink in order, once an hour: partitions for the days to come, and none for the days gone by.
 * What does not succeed is reported, tried again in a minute, and holds up no row and no other table.
 */
import { asPipelineError, PipelineError } from '../../wire/errors'
import type { Column } from '../rows/columns'
import type { Database } from '../connect/database'
import { applyPolicy, type HypertablePolicy } from './hypertable'
import type { TableName } from '../connect/identifiers'
import { listOutdatedParts, type OutdatedPart } from './outdated-parts'
import type { DailyPartitions } from './partitions'
import { dropOutdated, type DropWatch } from './retention'
import type { TableLayout } from './table'

const INTERVAL_MS = 3_600_000
/** After a lock that was not granted, or while the database was away: often enough, and no storm. */
const RETRY_MS = 60_000

export interface MaintainedTable {
  readonly table: TableName
  readonly layout: TableLayout
}

/** What an operator hears of it. */
export interface MaintenanceEvents {
  noteMaintenanceProblem(problem: PipelineError): void
  /** Old rows were not dropped: `drop-guard.ts`. */
  noteClock(problem: PipelineError): void
  noteOutdated(partitions: number): void
}

export interface MaintenanceOptions {
  readonly database: Database
  readonly columns: readonly Column[]
  readonly hypertable: Omit<HypertablePolicy, 'retentionDays'>
  /** 0: rows are kept. */
  readonly retentionDays: number
  readonly events: MaintenanceEvents
  readonly watch: DropWatch
  /** All tables of the sink, as they are now. @throws PipelineError */
  readonly tables: () => Promise<readonly MaintainedTable[]>
  /** Of each table with daily partitions that rows are written to. @throws PipelineError */
  readonly partitions: () => Promise<readonly DailyPartitions[]>
  /** Partitions may have been dropped. */
  readonly forgetPartitions: () => void
}

export class TableMaintenance {
  private readonly closing = new AbortController()
  private timer: NodeJS.Timeout | undefined
  private retry: NodeJS.Timeout | undefined
  private running: Promise<void> | undefined
  private isDue = false
  private failures = 0
  private isFailing = false

  constructor(private readonly options: MaintenanceOptions) {}

  /** The last run has done all that was due, and nothing has failed since. */
  get isInOrder(): boolean {
    return !this.isFailing
  }

  /** Now, and from now on. */
  start(): void {
    this.run()
    this.timer = setInterval(() => this.run(), INTERVAL_MS)
    this.timer.unref()
  }

  /** Resolves when nothing is under way. */
  async close(): Promise<void> {
    this.closing.abort()
    clearInterval(this.timer)
    clearTimeout(this.retry)
    await this.running
  }

  /** TimescaleDB's own jobs, for a table that has just been looked at. Never rejects. */
  async keepPolicy({ table, layout }: MaintainedTable): Promise<'policy' | 'ours'> {
    const { database, columns, hypertable, retentionDays, events } = this.options
    if (layout !== 'hypertable') return 'ours'
    try {
      return await applyPolicy(database, table, columns, { ...hypertable, retentionDays })
    } catch (error) {
      this.failed()
      events.noteMaintenanceProblem(asPipelineError(error))
      return 'ours'
    }
  }

  /**
   * What a retention of this many days would drop now; nothing is dropped.
   * @throws PipelineError when the database cannot be asked, and for a single table that the sink has not made
   */
  async outdated(days: number): Promise<OutdatedPart[]> {
    const tables = await this.options.tables()
    const parts: OutdatedPart[] = []
    for (const { table, layout } of tables) {
      if (isOurs(layout)) {
        if (days > 0) parts.push(...(await listOutdatedParts(this.options.database, { table, layout, days })))
      } else if (tables.length === 1) {
        throw neverDropped(table, layout)
      }
    }
    return parts
  }

  /** One run at a time: what is due meanwhile begins afterwards. */
  private run(): void {
    if (this.running !== undefined) {
      this.isDue = true
      return
    }
    this.isDue = false
    const failuresBefore = this.failures
    this.running = this.maintain()
      .catch((error: unknown) => this.note(error))
      .finally(() => {
        this.running = undefined
        this.isFailing = this.failures > failuresBefore
        if (this.isDue && !this.closing.signal.aborted) this.run()
      })
  }

  private async maintain(): Promise<void> {
    const { tables, partitions } = this.options
    if (this.closing.signal.aborted) return
    for (const one of await partitions()) {
      if (this.closing.signal.aborted) return
      await this.addDays(one).catch((error: unknown) => this.note(error))
    }
    for (const one of await tables()) {
      if (this.closing.signal.aborted) return
      await this.drop(one).catch((error: unknown) => this.note(error))
    }
  }

  private async addDays(partitions: DailyPartitions): Promise<void> {
    const problem = await partitions.ensureAhead()
    if (problem !== undefined) throw problem
  }

  private async drop(one: MaintainedTable): Promise<void> {
    const { database, retentionDays: days, events, forgetPartitions } = this.options
    const { table, layout } = one
    if ((await this.keepPolicy(one)) === 'policy' || days === 0 || !isOurs(layout)) return
    try {
      const { count, problem } = await dropOutdated(database, { table, layout, days }, this.options.watch)
      events.noteOutdated(count)
      if (problem === undefined) return
      this.failed()
      events.noteClock(problem)
    } finally {
      forgetPartitions()
    }
  }

  private failed(): void {
    this.failures++
    this.isFailing = true
  }

  private note(error: unknown): void {
    this.failed()
    const problem = asPipelineError(error)
    this.options.events.noteMaintenanceProblem(problem)
    if (!problem.retryable || this.closing.signal.aborted) return
    clearTimeout(this.retry)
    this.retry = setTimeout(() => this.run(), RETRY_MS).unref()
  }
}

function isOurs(layout: TableLayout): layout is 'by day' | 'hypertable' {
  return layout === 'by day' || layout === 'hypertable'
}

function neverDropped({ table }: TableName, layout: TableLayout): PipelineError {
  const why = layout === 'plain' ? 'it has no partitions' : 'its partitions are not of our making'
  return new PipelineError('NOTHING_DROPPED', `nothing of "${table}" is ever dropped by this sink: ${why}`, {
    retryable: false,
  })
}
