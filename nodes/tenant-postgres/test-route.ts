/** The test of the button *Test connection* in the dialog, and of `doctor` on the command line. */
import { nameOf } from '../../src/postgres/connect/connection'
import { flowTables } from '../../src/postgres/connect/flow-tables'
import { testServer } from '../../src/postgres/connect/server-test'
import { shownAddress } from '../../src/runtime/dialog-config'
import type { TestRoute } from '../../src/runtime/test-route'
import { options, readDatabase } from './options'

export const postgresTest: TestRoute = {
  type: 'tenant-postgres',
  options,
  addresses: ['url', 'host'],
  transport: ['address', 'port', 'tlsMode', 'tls'],
  credentials: ['password'],
  test: ({ values, credentials, given, tls, environment, flow, id }) => {
    const address = values['address'] === 'fields' ? 'host' : 'url'
    const { connection, ledger, createLedger } = readDatabase(values, credentials, tls, environment)
    const { tables, createsSchemas } = flowTables(flow, id)
    return testServer({
      connection,
      renewTls: undefined,
      shown: (server) => shownAddress(given[address], nameOf(server)),
      tables: [{ ...ledger, create: createLedger, rights: ['SELECT', 'INSERT', 'UPDATE'] }, ...tables],
      createsSchemas,
    })
  },
}
