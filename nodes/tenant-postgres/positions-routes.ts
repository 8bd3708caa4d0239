/** The part of the dialog that shows the positions in the ledger, and removes those of sinks that no longer exist. */
import type { NodeAPI } from 'node-red'
import {
  readPositions,
  removePositions,
  type TopicPositions,
} from '../../src/postgres/ledger/orphaned-positions'
import { runtimeIds, type FlowEntry } from '../../src/runtime/subflows'
import { LEDGER_SINKS, ledgerNameOf } from '../../src/postgres/ledger/sink-name'
import { addAdminRoute } from '../../src/runtime/admin-route'
import { readOptions, text } from '../../src/config/options'
import { type PostgresNode, requirePostgres } from '../../src/postgres/require-postgres'

export interface PositionsAnswer {
  readonly positions: readonly (TopicPositions & { readonly deployed: boolean })[]
}

const type = 'tenant-postgres'
const required = text({ required: true })
const question = {
  sink: required,
  group: required,
  clusterId: required,
  topic: required,
  lastMoved: text({ required: true, pattern: /^[\d :.+-]{19,40}$/ }),
}

export function addPositionsRoutes(RED: NodeAPI): void {
  addAdminRoute<PostgresNode>(RED, {
    type,
    action: 'positions',
    permission: 'read',
    answer: async (node): Promise<PositionsAnswer> => {
      const { database, ledger } = requirePostgres(node)
      const positions = await readPositions(database, ledger.table)
      const deployed = deployedSinks(RED)
      return { positions: positions.map((entry) => ({ ...entry, deployed: deployed.has(entry.sink) })) }
    },
  })
  addAdminRoute<PostgresNode>(RED, {
    type,
    action: 'positions/remove',
    permission: 'write',
    answer: async (node, body) => {
      const which = readOptions(question, body)
      const { database, ledger } = requirePostgres(node)
      return { removed: await removePositions(database, ledger.table, which, deployedSinks(RED)) }
    },
  })
}

/**
 * Names in the ledger, of all PostgreSQL configurations: two of them may share a ledger. Those of sinks that run, and
 * those of sinks that are in the flow and do not run, because they are disabled or set up wrongly.
 */
function deployedSinks(RED: NodeAPI): ReadonlySet<string> {
  const names = new Set<string>()
  const entries: FlowEntry[] = []
  RED.nodes.eachNode((entry) => entries.push(entry))
  for (const entry of entries) {
    if (entry.type === type) {
      for (const id of runtimeIds(entry.id, entries)) {
        const { database: shared } = (RED.nodes.getNode(id) ?? {}) as PostgresNode
        for (const name of shared?.ledger.sinks.names ?? []) names.add(name)
      }
    } else if (LEDGER_SINKS.includes(entry.type)) {
      // Under its id are the positions of an older version that it has not come to yet.
      names.add(ledgerNameOf(entry))
      for (const id of runtimeIds(entry.id, entries)) names.add(id)
    }
  }
  return names
}
