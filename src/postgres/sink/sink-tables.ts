/** The tables that `tenant-postgres-sink` writes to: one for all, or one for each tenant. */
import type { PipelineError } from '../../wire/errors'
import type { Database } from '../connect/database'
import type { TableName } from '../connect/identifiers'
import type { Ledger } from '../ledger/ledger'
import { Arrivals } from '../table/arrivals'
import type { HypertablePolicy } from '../table/hypertable'
import { TableMaintenance } from '../table/maintenance'
import type { OutdatedPart } from '../table/outdated-parts'
import type { SchemaTemplate } from '../tenants/tenant-schema'
import { TenantTables } from '../tenants/tenant-tables'
import { preparedTable, type PreparedTable, type RowOptions } from '../write/prepared-table'
import { SharedTable, type RowTargets } from '../write/row-target'
import type { MaintainedTables } from './maintained-tables'
import type { SinkEvents } from './sink-events'

export interface SinkTablesOptions extends Omit<RowOptions, 'key' | 'hypertable'> {
  readonly database: Database
  readonly ledger: Ledger
  readonly table: TableName
  /** Each tenant's rows go to a table of this name in its own schema, and none to `table.schema`. */
  readonly tenantSchemas: SchemaTemplate | undefined
  readonly exactlyOnce: 'ledger' | 'key'
  /** Columns of the unique index, for `exactlyOnce: 'key'`. */
  readonly key: readonly string[]
  /** Used where the table is a hypertable. */
  readonly hypertable: Omit<HypertablePolicy, 'retentionDays'>
  readonly deadLetters: TableName | undefined
  readonly events: SinkEvents
}

/** Misconfigured devices could produce any number of tenant names. */
const MAX_TENANT_PROBLEMS = 1000

export class SinkTables implements MaintainedTables {
  readonly problems = new Map<string, PipelineError>()
  private readonly arrivals = new Arrivals()
  private readonly maintenance: TableMaintenance
  private readonly ofTenants: TenantTables | undefined
  /** The table that all tenants share; resolves to `undefined` when each has its own. */
  private shared: Promise<PreparedTable | undefined> | undefined

  /** @param onChange `problems` has changed */
  constructor(
    private readonly options: SinkTablesOptions,
    private readonly onChange: () => void,
  ) {
    this.maintenance = this.maintenanceOf(options)
    const { tenantSchemas } = options
    if (tenantSchemas !== undefined) this.ofTenants = this.tenantTablesOf(tenantSchemas)
  }

  get areShared(): boolean {
    return this.ofTenants === undefined
  }

  async targets(): Promise<RowTargets> {
    const shared = await this.prepareShared()
    return shared === undefined ? (this.ofTenants as TenantTables) : new SharedTable(shared)
  }

  get isMaintained(): boolean {
    return this.maintenance.isInOrder
  }

  forget(): void {
    this.shared = undefined
    this.ofTenants?.forget()
  }

  noteDays(days: ReadonlySet<number>): void {
    this.arrivals.note(days)
  }

  maintain(): void {
    this.maintenance.start()
  }

  close(): Promise<void> {
    return this.maintenance.close()
  }

  get retentionDays(): number {
    return this.options.retentionDays
  }

  /** What the retention would drop now if it kept this many days. */
  outdated(days: number): Promise<OutdatedPart[]> {
    return this.maintenance.outdated(days)
  }

  private prepareShared(): Promise<PreparedTable | undefined> {
    if (this.shared === undefined) {
      const shared = this.ofTenants === undefined ? this.prepare(this.options.table, false) : undefined
      this.shared = Promise.resolve(shared)
      this.shared.catch(() => (this.shared = undefined))
    }
    return this.shared
  }

  private async prepare(table: TableName, createSchema: boolean): Promise<PreparedTable> {
    const { database, exactlyOnce, key, ...options } = this.options
    const rows = { ...options, key: exactlyOnce === 'key' ? key : undefined }
    const prepared = await preparedTable(database, table, rows, createSchema)
    await this.maintenance.keepPolicy(prepared)
    return prepared
  }

  private tenantTablesOf(template: SchemaTemplate): TenantTables {
    const { database, ledger, table, deadLetters, events } = this.options
    return new TenantTables({
      database,
      template,
      table: table.table,
      reserved: [table.schema, ledger.table.schema, deadLetters?.schema ?? table.schema],
      prepare: (schema) => this.prepare({ schema, table: table.table }, true),
      onFault: (tenant, problem) => {
        if (problem === undefined) this.problems.delete(tenant)
        else if (this.problems.size < MAX_TENANT_PROBLEMS) this.problems.set(tenant, problem)
        events.noteTenantTable(tenant, problem)
        this.onChange()
      },
    })
  }

  private maintenanceOf(options: SinkTablesOptions): TableMaintenance {
    return new TableMaintenance({
      ...options,
      watch: this.arrivals,
      tables: async () => {
        const shared = await this.prepareShared()
        return shared === undefined ? ((await this.ofTenants?.all()) ?? []) : [shared]
      },
      partitions: async () => {
        const shared = await this.prepareShared()
        if (shared === undefined) return (await this.ofTenants?.partitions()) ?? []
        return shared.partitions === undefined ? [] : [shared.partitions]
      },
      forgetPartitions: () => {
        const forget = (shared: PreparedTable | undefined): void =>
          (shared?.partitions ?? this.ofTenants)?.forget()
        void this.shared?.then(forget, () => undefined)
      },
    })
  }
}
