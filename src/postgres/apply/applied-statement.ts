/**
 * What `tenant-postgres-apply` does with records, in the shape of a table that rows are written to: a row is the parameters of
 * one run of the statement. So batches, positions, dead letters and retries are those of a sink.
 */
import type { PipelineError } from '../../wire/errors'
import type { WireRecord } from '../../wire/message'
import type { Database } from '../connect/database'
import { PAYLOAD_TYPES, type Column, type PayloadType } from '../rows/columns'
import type { ColumnType } from '../rows/column-family'
import { encodeRows, type EncodedRows } from '../rows/row-encoder'
import type { RowMapping } from '../rows/row-mapping'
import type { MaintainedTables } from '../sink/maintained-tables'
import { SharedTable, type RowTargets } from '../write/row-target'
import { checkStatement } from './statement'
import { CountedRows, StatementWriter, VERDICTS, type StatementOptions } from './statement-writer'

export class AppliedStatement implements MaintainedTables {
  readonly areShared = true
  readonly problems: ReadonlyMap<string, PipelineError> = new Map()
  readonly isMaintained = true
  /** Rows that committed runs have changed. */
  changed = 0
  private prepared: Promise<RowTargets> | undefined

  constructor(
    private readonly database: Database,
    private readonly options: StatementOptions,
  ) {}

  targets(): Promise<RowTargets> {
    if (this.prepared === undefined) {
      this.prepared = this.prepare()
      this.prepared.catch(() => (this.prepared = undefined))
    }
    return this.prepared
  }

  forget(): void {
    this.prepared = undefined
  }

  noteDays(): void {
    // A statement has no partitions.
  }

  maintain(): void {
    // There is nothing to maintain.
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private async prepare(): Promise<RowTargets> {
    const { name, statement, parameters } = this.options
    const types = await checkStatement(this.database, statement, parameters)
    const mapping: RowMapping = {
      columns: parameters,
      types,
      payloadType: payloadTypeOf(parameters, types),
      timeProperty: undefined,
      bounds: { pastDays: 0, futureDays: 0 },
      boundTime: false,
      keeping: undefined,
      key: [],
    }
    const writer = new StatementWriter(this.options)
    const encode = (records: readonly WireRecord[], nowMs: number): EncodedRows => {
      const rows = encodeRows(mapping, records, nowMs)
      return { ...rows, copy: new CountedRows(rows.copy, writer, (changed) => (this.changed += changed)) }
    }
    const table = { schema: '', table: name }
    return new SharedTable({
      ...{ table, mapping, encode, writer },
      keepsOrder: true,
      verdicts: VERDICTS,
      partitions: undefined,
    })
  }
}

/** Whole payloads are screened for what their type refuses, as those of a table are. */
function payloadTypeOf(parameters: readonly Column[], types: ReadonlyMap<string, ColumnType>): PayloadType {
  const payload = parameters.find(({ source }) => source.kind === 'payload')
  const name = types.get(payload?.name ?? '')?.name
  return PAYLOAD_TYPES.find((type) => type === name) ?? 'bytea'
}
