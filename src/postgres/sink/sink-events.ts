/** What the log says of a PostgreSQL sink. */
import { CountLog } from '../../log/count-log'
import type { PipelineError } from '../../wire/errors'
import type { EventLog } from '../../log/event-log'
import { OutageLog } from '../../log/outage-log'
import type { WireRecord } from '../../wire/message'
import type { RejectedRecord } from '../rows/rejected'
import type { MaintenanceEvents } from '../table/maintenance'
import type { SinkState } from './sink-status'

/** For up to this many tenants the log names a table that cannot be written; the count of rejected records covers all. */
const MAX_TENANTS = 100

/** What is said differently of a table and of a statement. */
export interface SinkWords {
  readonly ready: string
  /** What a record that is rejected can never become. */
  readonly rejected: string
  /** How to call what has never had a value, and where its source is set. */
  readonly empty: { readonly one: string; readonly several: string; readonly setIn: string }
}

export const OF_TABLE: SinkWords = {
  ready: 'connected to PostgreSQL, and the table is ready',
  rejected: 'can never become a row',
  empty: { one: 'the column', several: 'the columns', setIn: 'the column mapping' },
}

export class SinkEvents implements MaintenanceEvents {
  private readonly connection: OutageLog
  private readonly output: OutageLog
  private readonly rejected: CountLog
  private readonly moved: CountLog
  private readonly late: CountLog
  private readonly tenantTables = new Map<string, OutageLog>()
  private readonly timeReplaced: CountLog
  private clockProblem = ''

  constructor(
    private readonly log: EventLog,
    private readonly words: SinkWords = OF_TABLE,
  ) {
    this.connection = new OutageLog(log, {
      away: 'POSTGRES_AWAY',
      back: 'POSTGRES_BACK',
      backText: 'PostgreSQL stores records again',
      first: ['POSTGRES_READY', words.ready],
    })
    this.output = new OutageLog(log, {
      away: 'REJECTS_WAITING',
      back: 'REJECTS_BACK',
      backText: 'the flow stores rejected records again',
    })
    this.rejected = new CountLog(log, {
      code: 'REJECTED',
      text: (count) => `${count} ${count === 1 ? 'record' : 'records'} ${words.rejected}`,
    })
    this.timeReplaced = new CountLog(log, {
      code: 'TIME_REPLACED',
      text: (count) =>
        `${count} ${count === 1 ? 'record has' : 'records have'} the Kafka timestamp or the time of arrival, because that of the device or of Kafka is missing or out of bounds`,
    })
    this.late = new CountLog(log, {
      code: 'LATE_COPY',
      text: () =>
        'a message arrived after its delivery had ended, and was stored nevertheless; a crash in between would have ' +
        'lost it. A node on the way has kept it without reporting it: a Function node that sends from a callback has ' +
        'to call node.done() after it',
    })
    this.moved = new CountLog(log, {
      code: 'LEDGER_MOVED',
      text: () => 'another process has written the same Kafka records; this one has read the ledger again',
    })
  }

  /** Call it after each change. */
  observe({ problem, ready, waiting }: Pick<SinkState, 'problem' | 'ready' | 'waiting'>): void {
    if (problem === undefined && !ready) return
    this.connection.report(problem, { counts: { waiting } })
  }

  /** Records became dead letters, or left by the output. */
  noteRejected(rejected: readonly RejectedRecord[]): void {
    for (const { record } of rejected) this.rejected.add(1, record.tenant)
  }

  /** A tenant's own table cannot be written, or, without a problem, can be written again. */
  noteTenantTable(tenant: string, problem: PipelineError | undefined): void {
    let outage = this.tenantTables.get(tenant)
    if (outage === undefined) {
      if (problem === undefined || this.tenantTables.size >= MAX_TENANTS) return
      outage = new OutageLog(this.log, {
        away: 'TENANT_TABLE_AWAY',
        back: 'TENANT_TABLE_BACK',
        backText: `the table of the tenant "${tenant}" can be written again`,
        tenant,
      })
      this.tenantTables.set(tenant, outage)
    }
    outage.report(problem)
  }

  /** Records whose device sent no usable time. */
  noteTimeReplaced(records: readonly WireRecord[]): void {
    for (const { tenant } of records) this.timeReplaced.add(1, tenant)
  }

  /** Columns that no record has filled since the deploy. */
  noteEmptyColumns(names: readonly string[]): void {
    if (names.length === 0) return
    const { one, several, setIn } = this.words.empty
    const which = `${names.length === 1 ? one : several} ${names.map((name) => `"${name}"`).join(', ')}`
    this.log.note(
      'COLUMN_EMPTY',
      `no row has had a value for ${which} since the deploy; check the source in ${setIn}`,
    )
  }

  /** The flow after the output does not store rejected records, or stores them again. */
  noteOutput(problem: PipelineError | undefined): void {
    this.output.report(problem)
  }

  noteMaintenanceProblem(problem: PipelineError): void {
    this.log.problem('POSTGRES_MAINTENANCE', problem)
  }

  notePositionMoved(): void {
    this.moved.add(1)
  }

  noteLate(): void {
    this.late.add(1)
  }

  noteClock(problem: PipelineError): void {
    if (problem.message === this.clockProblem) return
    this.clockProblem = problem.message
    this.log.error(problem)
  }

  noteOutdated(partitions: number): void {
    if (partitions === 0) return
    const text = `${partitions} ${partitions === 1 ? 'partition' : 'partitions'} older than the retention were dropped`
    this.log.note('POSTGRES_OUTDATED', text, { counts: { partitions } })
  }

  close(): void {
    this.connection.close()
    this.output.close()
    this.rejected.close()
    this.moved.close()
    this.late.close()
    for (const outage of this.tenantTables.values()) outage.close()
    this.timeReplaced.close()
  }
}
