/**
 * A table for each tenant, of the same name in a schema of its own, made when the first record of the tenant comes.
 * When the fault of one of them is not that of the others, and why: docs/decisions/tenant-tables.md.
 */
import { PipelineError } from '../../wire/errors'
import type { WireRecord } from '../../wire/message'
import type { Database } from '../connect/database'
import { DatabaseError } from '../connect/database-error'
import type { TableName } from '../connect/identifiers'
import type { DailyPartitions } from '../table/partitions'
import type { PreparedTable } from '../write/prepared-table'
import type { RejectedRecord } from '../rows/rejected'
import type { Division, RowTarget, RowTargets, TableFailure, TargetedRecords } from '../write/row-target'
import { faultOf } from '../connect/sqlstate'
import { listOwnTables } from '../table/table-statements'
import type { TableLayout } from '../table/table'
import type { SchemaTemplate } from './tenant-schema'

export interface TenantTablesOptions {
  readonly database: Database
  readonly template: SchemaTemplate
  /** The name of the table in each schema. */
  readonly table: string
  /** Schemas that are no tenant's. */
  readonly reserved: readonly string[]
  readonly prepare: (schema: string) => Promise<PreparedTable>
  /** A tenant's table cannot be written, or, with `undefined`, it can be again. */
  readonly onFault: (tenant: string, problem: PipelineError | undefined) => void
}

/** Tables that are remembered as prepared; one that is not is looked at again, which costs a query. */
const MAX_TABLES = 1000

/** Besides those that a row may be the reason for: a sequence that has reached its end, a corrupted table or index. */
const OF_A_TABLE = /^(2200H|XX)/

export class TenantTables implements RowTargets {
  readonly name: string
  readonly shared = undefined
  /** The one used last is at the end. */
  private readonly tables = new Map<string, Promise<PreparedTable>>()
  /** Tenants whose table cannot be written, with the count of `writes` when that began. */
  private readonly failing = new Map<string, number>()
  /** How often a tenant's rows have become durable. */
  private writes = 0

  constructor(private readonly options: TenantTablesOptions) {
    this.name = `"${options.table}" of the tenants`
  }

  async divide(records: readonly WireRecord[]): Promise<Division> {
    const rejected: RejectedRecord[] = []
    const byTenant = new Map<string, WireRecord[]>()
    for (const record of records) {
      const found = this.schemaOf(record.tenant)
      if ('refusal' in found) {
        rejected.push({ record, reason: { code: 'TENANT_INVALID', text: found.refusal } })
        continue
      }
      const own = byTenant.get(record.tenant as string)
      if (own === undefined) byTenant.set(record.tenant as string, [record])
      else own.push(record)
    }
    const parts: TargetedRecords[] = []
    const failures: TableFailure[] = []
    for (const [tenant, own] of byTenant) {
      try {
        parts.push({ tenant, records: own, target: await this.tableOf(tenant) })
      } catch (error) {
        if (!(error instanceof DatabaseError) || !isOfATable(error)) throw error
        this.noteFailed(tenant, error)
        failures.push({ tenant, records: own, error })
      }
    }
    return { parts, rejected, failures }
  }

  /** The tables may have been changed: look at them again. */
  forget(): void {
    this.tables.clear()
  }

  forgetPartitions(): boolean {
    this.forget()
    return true
  }

  isOwnFault(target: RowTarget, error: DatabaseError): boolean {
    // A missing partition of ours is created again, and is no fault.
    return isOfATable(error) || (error.missingPartition && target.partitions === undefined)
  }

  noteFailed(tenant: string, error: DatabaseError): void {
    this.tables.delete(tenant)
    if (!this.failing.has(tenant)) this.failing.set(tenant, this.writes)
    if (this.failing.size > MAX_TABLES) this.failing.delete(this.failing.keys().next().value as string)
    this.options.onFault(tenant, error)
  }

  noteWritten(tenants: readonly string[]): void {
    this.writes += tenants.length
    for (const tenant of tenants) if (this.failing.delete(tenant)) this.options.onFault(tenant, undefined)
  }

  failsAlone(tenant: string): boolean {
    const since = this.failing.get(tenant)
    return since !== undefined && since < this.writes
  }

  /** All tables of tenants that this package has made, also of those that have been silent since the start. */
  async all(): Promise<{ table: TableName; layout: TableLayout }[]> {
    const { database, table, template } = this.options
    const found = await database.withClient(`listing the tables "${table}"`, (client) =>
      listOwnTables(client, table),
    )
    return found
      .filter(({ schema }) => template.matches(schema))
      .map(({ schema, partitioned, hypertable }) => ({
        table: { schema, table },
        layout: hypertable ? 'hypertable' : partitioned ? 'by day' : 'plain',
      }))
  }

  /** Of the tenants that are remembered. */
  async partitions(): Promise<DailyPartitions[]> {
    const tables = await Promise.all([...this.tables.values()].map((table) => table.catch(() => undefined)))
    return tables.flatMap((table) => table?.partitions ?? [])
  }

  private schemaOf(tenant: unknown): ReturnType<SchemaTemplate['schemaOf']> {
    const found = this.options.template.schemaOf(tenant)
    if ('schema' in found && this.options.reserved.includes(found.schema)) {
      return { refusal: `the schema "${found.schema}" is used for something else` }
    }
    return found
  }

  private tableOf(tenant: string): Promise<PreparedTable> {
    const found = this.schemaOf(tenant) as { schema: string }
    const table = this.tables.get(tenant) ?? this.options.prepare(found.schema)
    this.tables.delete(tenant)
    this.tables.set(tenant, table)
    if (this.tables.size > MAX_TABLES) this.tables.delete(this.tables.keys().next().value as string)
    table.catch(() => {
      if (this.tables.get(tenant) === table) this.tables.delete(tenant)
    })
    return table
  }
}

/** It speaks of a schema, a table, a column or a right; not of the login or of the database. */
function isOfATable({ kind, sqlState, missingPartition }: DatabaseError): boolean {
  if (kind !== 'configuration' || missingPartition) return false
  return faultOf(sqlState).blame === 'perhaps' || OF_A_TABLE.test(sqlState)
}
