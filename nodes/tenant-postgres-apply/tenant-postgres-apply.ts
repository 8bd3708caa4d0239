/**
 * The node `tenant-postgres-apply`: runs a statement of the user's once for each record, in the transaction that moves the
 * position in the ledger. So a record of Kafka has its effect exactly once, such as taking from stock.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { AppliedStatement } from '../../src/postgres/apply/applied-statement'
import { sinkRunner } from '../../src/postgres/sink/run-sink'
import { readApply } from './options'
import { addStatementRoute } from './statement-route'

type ApplyDef = NodeDef & { database?: string }

export = function (RED: NodeAPI): void {
  const runSink = sinkRunner(RED as never)
  addStatementRoute(RED)

  RED.nodes.registerType('tenant-postgres-apply', function (this: Node, config: ApplyDef) {
    RED.nodes.createNode(this, config)
    runSink({ node: this, database: config.database }, () => {
      const { setup, ...options } = readApply(config)
      let applied: AppliedStatement | undefined
      return {
        ...setup,
        tables: ({ database }) => (applied = new AppliedStatement(database, options)),
        samples: () => ({ postgres_changed_rows_total: applied?.changed ?? 0 }),
      }
    })
  })
}
