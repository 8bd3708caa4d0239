/** What a `tenant-postgres` node shares with the nodes that have chosen it. */
import { sharedBy, type ConfigNode } from '../runtime/config-node'
import type { Database } from './connect/database'
import type { Ledger } from './ledger/ledger'
import type { ReplayTables } from './replay/replay-marks'

export interface SharedPostgres {
  readonly database: Database
  readonly ledger: Ledger
  readonly replayTables: ReplayTables
}

export type PostgresNode = ConfigNode<'database', SharedPostgres>

/** @param found see `sharedBy` @throws PipelineError `CONFIG_INVALID` */
export function requirePostgres(found: unknown): SharedPostgres {
  return sharedBy(found as PostgresNode | null, 'database', 'a PostgreSQL database', 'chooseDatabase')
}
