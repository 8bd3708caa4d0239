/** The dialog's button "What would be dropped now?". */
import type { OutdatedPart } from '../../src/postgres/table/outdated-parts'
import type { SinkTables } from '../../src/postgres/sink/sink-tables'
import { addAdminRoute } from '../../src/runtime/admin-route'
import type { RefusedNode } from '../../src/runtime/run-node'
import { readOptions } from '../../src/config/options'
import { options } from './options'

/** What the node shows to the route. */
export interface SinkHolder extends RefusedNode {
  tables?: SinkTables
}

/** Instants in ISO 8601. */
export interface OutdatedAnswer {
  readonly days: number
  readonly parts: readonly (Omit<OutdatedPart, 'from' | 'to'> & { from: string; to: string })[]
}

/** `retentionDays` in the question: as if the sink had been deployed with it. */
export function addOutdatedRoute(RED: object): void {
  addAdminRoute<SinkHolder>(RED, {
    type: 'tenant-postgres-sink',
    action: 'outdated',
    permission: 'read',
    answer: async ({ tables, problem }, { retentionDays }): Promise<OutdatedAnswer> => {
      if (tables === undefined) throw problem as Error
      const table = { retentionDays: options.retentionDays }
      const days =
        retentionDays === undefined
          ? tables.retentionDays
          : readOptions(table, { retentionDays }).retentionDays
      const parts = await tables.outdated(days)
      return {
        days,
        parts: parts.map(({ from, to, ...part }) => ({
          ...part,
          from: from.toISOString(),
          to: to.toISOString(),
        })),
      }
    },
  })
}
