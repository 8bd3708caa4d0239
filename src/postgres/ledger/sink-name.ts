/**
 * The name of a sink in the ledger. By default it comes from what the sink writes to and not from its node: copies of a
 * flow write to the same table, and have to know what the others have written.
 */

/** Types of nodes that have a position of their own in the ledger. */
export const LEDGER_SINKS: readonly string[] = [
  'tenant-postgres-sink',
  'tenant-rollup',
  'tenant-postgres-apply',
]

type Target = Readonly<Record<'schema' | 'table' | 'tenancy' | 'tenantSchema', string>>

/** The table that a sink writes to, with the template of the tenants' schemas where each has its own. */
export function targetOf({ schema, table, tenancy, tenantSchema }: Target): string {
  return `${tenancy === 'schema' ? tenantSchema : schema}.${table}`
}

/** The name of a sink that may not run. @param config as it is in the flow */
export function ledgerNameOf(config: object): string {
  const byDefault = {
    schema: 'public',
    table: 'iot_messages',
    tenancy: 'shared',
    tenantSchema: 'tenant_{tenant}',
  }
  const { ledgerName, ...target } = { ledgerName: '', ...byDefault, ...config }
  return ledgerName === '' ? targetOf(target) : ledgerName
}
