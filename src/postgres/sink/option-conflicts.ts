/** Options of a sink that are good alone and do not fit together: the node and its dialog look here. */
import type { Column } from '../rows/columns'

export interface Fitting {
  readonly createTable: boolean
  readonly retentionDays: number
  readonly pastDays: number
  readonly compressAfterDays: number
  readonly readerRole: string
  readonly tenancy: 'shared' | 'schema'
  readonly exactlyOnce: 'ledger' | 'key'
  readonly key: string
}

export interface Conflict {
  /** The option to change. */
  readonly option: keyof Fitting
  readonly expects: string
}

export function conflictsOf(values: Fitting, columns: readonly Column[]): Conflict[] {
  const { createTable, retentionDays, pastDays, compressAfterDays, readerRole, tenancy, exactlyOnce } = values
  const tenant = tenantColumnOf(columns)?.name
  const key = keyOf(values.key)
  const rules: readonly [isBroken: boolean, option: keyof Fitting, expects: string][] = [
    [
      createTable && retentionDays > 0 && pastDays < retentionDays,
      'pastDays',
      `at least the ${retentionDays} days that rows are kept`,
    ],
    [
      readerRole !== '' && compressAfterDays > 0,
      'compressAfterDays',
      "0: with a readers' role the table has partitions by day, which are not compressed",
    ],
    [readerRole !== '' && tenancy !== 'shared', 'readerRole', 'nothing if each tenant has its own schema'],
    [readerRole !== '' && tenant === undefined, 'readerRole', 'a column that "tenant" is written to'],
    [
      exactlyOnce === 'key' &&
        (key.length === 0 || !key.every((name) => columns.some((column) => column.name === name))),
      'key',
      'columns of the row, with commas between',
    ],
    // The tenant is always part of the key: one tenant's message must not make another's disappear.
    [
      exactlyOnce === 'key' && (tenant === undefined || !key.includes(tenant)),
      'key',
      `columns with ${tenant ?? 'the one that "tenant" is written to'} among them`,
    ],
  ]
  return rules.flatMap(([isBroken, option, expects]) => (isBroken ? [{ option, expects }] : []))
}

/** Names with commas between them. */
export function keyOf(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  return names.filter((name) => name !== '')
}

export function tenantColumnOf(columns: readonly Column[]): Column | undefined {
  return columns.find(({ source }) => source.kind === 'property' && source.path.join('.') === 'tenant')
}
