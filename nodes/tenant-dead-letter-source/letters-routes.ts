/**
 * The part of the dialog that lists dead letters, and has them replayed. The list is that of the values in the dialog: a
 * deployed `tenant-postgres` is asked. The replay is that of the deployed node, as if a message had asked for it. The
 * sidebar has no values of a dialog: it asks the deployed node how many its own filter finds, and has those replayed.
 */
import type { Node, NodeAPI } from 'node-red'
import type { PostgresNode } from '../../src/postgres/require-postgres'
import { requirePostgres } from '../../src/postgres/require-postgres'
import { narrowed } from '../../src/postgres/replay/dead-letter-filter'
import { listGroups, type LetterGroups } from '../../src/postgres/replay/dead-letter-groups'
import type { DeadLetterSource } from '../../src/postgres/replay/dead-letter-source'
import type { ReplayReport } from '../../src/postgres/replay/replay-report'
import { addAdminRoute } from '../../src/runtime/admin-route'
import type { RefusedNode } from '../../src/runtime/run-node'
import { PipelineError } from '../../src/wire/errors'
import { readReplay, type ReplayConfiguration } from './options'

/** What the node shows to the routes. */
export interface ReplayHolder extends RefusedNode {
  replay?: {
    readonly source: DeadLetterSource
    readonly configuration: ReplayConfiguration
    /** The id of the configuration node, as in the flow file. */
    readonly database: string
  }
}

export interface ProgressAnswer {
  readonly running: boolean
  readonly report: ReplayReport | undefined
}

/** What the filter of the deployed node finds. */
export interface WaitingAnswer {
  readonly waiting: number
  /** There are groups that were not counted. */
  readonly more: boolean
}

const type = 'tenant-dead-letter-source'

export function addLettersRoutes(RED: NodeAPI): void {
  addAdminRoute<PostgresNode>(RED, {
    type: 'tenant-postgres',
    action: 'dead-letters',
    permission: 'read',
    answer: (node, body): Promise<LetterGroups> => {
      const { filter, source } = readReplay(body)
      return listGroups(requirePostgres(node).database, source.table, filter)
    },
  })
  addAdminRoute<Node & ReplayHolder>(RED, {
    type,
    action: 'replay',
    permission: 'write',
    answer: (node, { database, schema, table, ...asked }) => {
      const { configuration, source, database: deployed } = replayOf(node)
      const { table: own } = configuration.source
      if (database !== deployed || schema !== own.schema || table !== own.table) throw notAsDeployed()
      narrowed(configuration.filter, asked)
      source.assertReady()
      node.receive({ action: 'replay', payload: asked })
      return {}
    },
  })
  addAdminRoute<Node & ReplayHolder>(RED, {
    type,
    action: 'waiting',
    permission: 'read',
    answer: async (node): Promise<WaitingAnswer> => {
      const { configuration, database } = replayOf(node)
      const postgres = requirePostgres(RED.nodes.getNode(database))
      const { groups, more } = await listGroups(
        postgres.database,
        configuration.source.table,
        configuration.filter,
      )
      return { waiting: groups.reduce((sum, { waiting }) => sum + waiting, 0), more }
    },
  })
  addAdminRoute<Node & ReplayHolder>(RED, {
    type,
    action: 'waiting/replay',
    permission: 'write',
    answer: (node) => {
      replayOf(node).source.assertReady()
      node.receive({ action: 'replay' })
      return {}
    },
  })
  addAdminRoute<Node & ReplayHolder>(RED, {
    type,
    action: 'replay/progress',
    permission: 'read',
    answer: (node): ProgressAnswer => {
      const { running, report } = replayOf(node).source
      return { running, report }
    },
  })
}

function replayOf({ replay, problem }: ReplayHolder): NonNullable<ReplayHolder['replay']> {
  if (replay === undefined) throw problem as Error
  return replay
}

function notAsDeployed(): PipelineError {
  const message = 'the deployed node has another table: deploy the changes of this dialog first, then replay'
  return new PipelineError('NOT_AS_DEPLOYED', message, { retryable: false })
}
