/**
 * The node `tenant-rollup`: adds the numbers of records up in windows of time, each record exactly once. What has changed
 * leaves by the output once it is committed; what can never be added is kept in a table of dead letters.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { changesMessage } from '../../src/postgres/rollup/changed-windows'
import { RollupTables } from '../../src/postgres/rollup/rollup-tables'
import { sinkRunner } from '../../src/postgres/sink/run-sink'
import { readRollup } from './options'

type RollupDef = NodeDef & { database?: string }

export = function (RED: NodeAPI): void {
  const runSink = sinkRunner(RED as never)

  RED.nodes.registerType('tenant-rollup', function (this: Node, config: RollupDef) {
    RED.nodes.createNode(this, config)
    runSink({ node: this, database: config.database }, () => {
      const rollup = readRollup(config)
      const counts = { windows: 0, skipped: 0, without: 0 }
      return {
        ...rollup,
        tables: ({ output, ...given }) =>
          new RollupTables({
            ...rollup,
            ...given,
            tells: output.isWired,
            onRolledUp: ({ changed, windows, skipped, without }) => {
              counts.windows += windows
              counts.skipped += skipped
              counts.without += without
              if (changed.length > 0) output.send(changesMessage(changed))
            },
          }),
        samples: () => ({
          rollup_windows_total: counts.windows,
          rollup_skipped_values_total: counts.skipped,
          rollup_empty_records_total: counts.without,
        }),
      }
    })
  })
}
