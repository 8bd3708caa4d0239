/** The ledger's table: created where that is asked for, and given the columns that an older version lacks. */
import type { Database } from '../connect/database'
import { DatabaseError } from '../connect/database-error'
import type { TableName } from '../connect/identifiers'
import { lockDefinitions, tableExists } from '../connect/server-statements'
import { addLedgerColumns, createAuditView, createLedger, describeLedger } from './ledger-statements'

export class LedgerTable {
  /** The table is there, as far as this process knows. */
  exists = false

  constructor(
    private readonly database: Database,
    readonly name: TableName,
    private readonly create: boolean,
  ) {}

  /**
   * Creates the table and its audit where that is asked for and they are missing, and adds the columns that an older
   * ledger lacks.
   * @throws DatabaseError of kind `configuration` for an older ledger that this node may not change
   */
  async prepare(): Promise<void> {
    if (this.exists) return
    const { name, create } = this
    await this.database.transaction(`preparing the ledger "${name.table}"`, async (client) => {
      let found = await describeLedger(client, name)
      if (create && (found === undefined || found.missingColumns.length > 0 || !found.hasAudit)) {
        await lockDefinitions(client)
        found = await describeLedger(client, name)
        const isOlder = found !== undefined && found.missingColumns.length > 0
        if (found === undefined) await createLedger(client, name)
        else if (isOlder) await addLedgerColumns(client, name)
        if (isOlder || found?.hasAudit !== true) await createAuditView(client, name)
      } else if (found !== undefined && found.missingColumns.length > 0) {
        throw withoutColumns(name, found.missingColumns)
      }
    })
    this.exists = true
  }

  /**
   * Whether there is a ledger; nothing is created. A consumer of which no sink has a ledger uses one that is there.
   * @throws DatabaseError
   */
  async isThere(): Promise<boolean> {
    this.exists ||= await this.database.withClient('looking for the ledger', (client) =>
      tableExists(client, this.name),
    )
    return this.exists
  }
}

function withoutColumns({ schema, table }: TableName, names: readonly string[]): DatabaseError {
  const text =
    `the ledger "${schema}"."${table}" is of an older version and has no column ${names.join(', ')}; let the ` +
    'PostgreSQL configuration create the ledger once, or add these columns as its help says'
  return new DatabaseError('configuration', '42703', text, 'postgresLedgerColumns')
}
