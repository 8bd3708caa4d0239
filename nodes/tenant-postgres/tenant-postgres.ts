/**
 * The configuration node `tenant-postgres`: how to reach PostgreSQL. Sinks, consumers and dead letters that name it
 * share its `database`; it disconnects when the last of them has let go.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { Database } from '../../src/postgres/connect/database'
import { asPipelineError } from '../../src/wire/errors'
import { EventLog } from '../../src/log/event-log'
import { closeHandler } from '../../src/runtime/handlers'
import { tlsSettings, type TlsSettings } from '../../src/config/tls-settings'
import type { DatabaseNode } from '../../src/postgres/connect/require-database'
import { readDatabase, type PostgresCredentials } from './options'
import { addPositionsRoutes } from './positions-routes'

interface PostgresDef extends NodeDef {
  tls?: string
}

export = function (RED: NodeAPI): void {
  addPositionsRoutes(RED)
  RED.nodes.registerType(
    'tenant-postgres',
    function (this: Node<PostgresCredentials>, config: PostgresDef) {
      RED.nodes.createNode(this, config)
      const node = this as Node<PostgresCredentials> & DatabaseNode
      const log = new EventLog(node)
      let tls: TlsSettings | undefined
      try {
        tls = tlsSettings(RED, config.tls, log)
        const options = readDatabase(config, node.credentials ?? {}, tls?.options(), (name) =>
          RED.util.getSetting(node, name),
        )
        node.database = new Database({ ...options, log, ...(tls !== undefined && { renewTls: tls.options }) })
      } catch (error) {
        node.problem = asPipelineError(error)
        log.problem('CONFIG_REFUSED', node.problem)
      }
      node.on(
        'close',
        closeHandler(log, () => {
          tls?.close()
          return node.database?.close()
        }),
      )
    },
    { credentials: { password: { type: 'password' } } },
  )
}
