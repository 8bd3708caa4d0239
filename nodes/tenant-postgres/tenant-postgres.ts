/**
 * The configuration node `tenant-postgres`: how to reach PostgreSQL. Sinks, consumers and dead letters that name it
 * share its connection; it disconnects when the last of them has let go.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { tlsSettings } from '../../src/config/tls-settings'
import { Database } from '../../src/postgres/connect/database'
import { Ledger } from '../../src/postgres/ledger/ledger'
import { runConfigNode } from '../../src/runtime/run-node'
import { addTestRoute } from '../../src/runtime/test-route'
import { readDatabase, type PostgresCredentials } from './options'
import { addPositionsRoutes } from './positions-routes'
import { postgresTest } from './test-route'
import type { PostgresNode } from '../../src/postgres/require-postgres'

interface PostgresDef extends NodeDef {
  tls?: string
}

export = function (RED: NodeAPI): void {
  addPositionsRoutes(RED)
  addTestRoute(RED, postgresTest)
  RED.nodes.registerType(
    'tenant-postgres',
    function (this: Node<PostgresCredentials> & PostgresNode, config: PostgresDef) {
      RED.nodes.createNode(this, config)
      runConfigNode(this, ({ log, onClose }) => {
        const tls = tlsSettings(RED, config.tls, log)
        if (tls !== undefined) onClose(() => tls.close())
        const options = readDatabase(config, this.credentials ?? {}, tls?.options(), (name) =>
          RED.util.getSetting(this, name),
        )
        const database = new Database({
          ...options,
          log,
          ...(tls !== undefined && { renewTls: tls.options }),
        })
        const ledger = new Ledger(database, options.ledger, options.createLedger)
        this.database = { database, ledger, replayTables: new Map() }
        onClose(() => database.close())
      })
    },
    { credentials: { password: { type: 'password' } } },
  )
}
