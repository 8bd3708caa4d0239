/**
 * The configuration node `tenant-postgres`: how to reach PostgreSQL. Sinks, consumers and dead letters that name it
 * share its `database`; it disconnects when the last of them has let go.
 */
import type { ConnectionOptions } from 'node:tls'
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { Database } from '../../src/postgres/database'
import { asPipelineError, PipelineError } from '../../src/runtime/errors'
import { EventLog } from '../../src/runtime/event-log'
import { closeHandler } from '../../src/runtime/handlers'
import type { DatabaseHolder } from '../../src/postgres/require-database'
import { readDatabase, type PostgresCredentials } from './options'
import { addPositionsRoutes } from './positions-routes'

interface PostgresDef extends NodeDef {
  tls?: string
}

/** Node-RED's own `tls-config` node. */
interface TlsNode {
  readonly valid?: boolean
  addTLSOptions?(options: ConnectionOptions): ConnectionOptions
}

export = function (RED: NodeAPI): void {
  addPositionsRoutes(RED)
  RED.nodes.registerType(
    'tenant-postgres',
    function (this: Node<PostgresCredentials>, config: PostgresDef) {
      RED.nodes.createNode(this, config)
      const node = this as Node<PostgresCredentials> & DatabaseHolder
      const log = new EventLog(node)
      try {
        const options = readDatabase(config, node.credentials ?? {}, tlsOptions(RED, config), (name) =>
          RED.util.getSetting(node, name),
        )
        node.database = new Database({ ...options, log })
        node.users = node.database.users
      } catch (error) {
        node.problem = asPipelineError(error)
        log.problem('CONFIG_REFUSED', node.problem)
      }
      node.on(
        'close',
        closeHandler(log, () => node.database?.close()),
      )
    },
    { credentials: { password: { type: 'password' } } },
  )
}

function tlsOptions(RED: NodeAPI, { tls }: PostgresDef): ConnectionOptions | undefined {
  if (tls === undefined || tls === '') return undefined
  const node = RED.nodes.getNode(tls) as TlsNode | null
  if (node?.valid === true && node.addTLSOptions !== undefined) return node.addTLSOptions({})
  throw new PipelineError('CONFIG_INVALID', '"tls" names TLS settings that are missing or invalid', {
    retryable: false,
    statusText: 'check "tls"',
  })
}
