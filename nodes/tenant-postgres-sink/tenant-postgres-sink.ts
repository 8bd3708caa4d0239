/**
 * The node `tenant-postgres-sink`: writes records into a table, each exactly once. What can never become a row is
 * kept in a table of dead letters, or leaves by the output.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { sinkRunner } from '../../src/postgres/sink/run-sink'
import { SinkTables } from '../../src/postgres/sink/sink-tables'
import { readSink } from './options'
import { addOutdatedRoute, type SinkHolder } from './outdated-route'
import { addPreviewRoutes } from './preview-routes'

type SinkDef = NodeDef & { database?: string }

export = function (RED: NodeAPI): void {
  const runSink = sinkRunner(RED as never)
  addOutdatedRoute(RED)
  addPreviewRoutes(RED)

  RED.nodes.registerType('tenant-postgres-sink', function (this: Node & SinkHolder, config: SinkDef) {
    RED.nodes.createNode(this, config)
    runSink({ node: this, database: config.database }, () => {
      const sink = readSink(config)
      return {
        ...sink,
        tables: ({ onChange, ...given }) => (this.tables = new SinkTables({ ...sink, ...given }, onChange)),
      }
    })
  })
}
