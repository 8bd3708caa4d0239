/**
 * The part of the dialog that shows the table and the SQL before anything is run, and the tables that there are. A deployed
 * `tenant-postgres` is asked, with the values of the dialog.
 */
import { previewTable, type TablePreview } from '../../src/postgres/preview/table-preview'
import { listTables } from '../../src/postgres/preview/existing-tables'
import { requirePostgres, type PostgresNode } from '../../src/postgres/require-postgres'
import { addAdminRoute } from '../../src/runtime/admin-route'
import { PipelineError } from '../../src/wire/errors'
import { readSink } from './options'

/** Whose schema is shown where each tenant has its own. */
const TENANT = 'example'

export function addPreviewRoutes(RED: object): void {
  addAdminRoute<PostgresNode>(RED, {
    type: 'tenant-postgres',
    action: 'tables',
    permission: 'read',
    answer: (node) => listTables(requirePostgres(node).database),
  })
  addAdminRoute<PostgresNode>(RED, {
    type: 'tenant-postgres',
    action: 'table-preview',
    permission: 'read',
    answer: (node, body): Promise<TablePreview> => {
      const { database, ledger } = requirePostgres(node)
      const sink = readSink(body)
      const { tenantSchemas, columns, createTable: create, reader, deadLetters } = sink
      const own = tenantSchemas?.schemaOf(TENANT)
      if (own !== undefined && 'refusal' in own) throw refused(own.refusal)
      return previewTable(database, {
        table: own === undefined ? sink.table : { ...own, table: sink.table.table },
        ...{ columns, create, createSchema: own !== undefined, reader, deadLetters },
        key: sink.exactlyOnce === 'key' ? sink.key : undefined,
        ledger: sink.exactlyOnce === 'ledger' ? { table: ledger.table, create: ledger.create } : undefined,
        policy: { ...sink.hypertable, retentionDays: sink.retentionDays },
      })
    },
  })
}

function refused(message: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', message, { retryable: false })
}
