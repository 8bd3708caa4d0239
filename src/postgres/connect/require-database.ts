/** The database of a `tenant-postgres` node. */
import { sharedBy, type ConfigNode } from '../../runtime/config-node'
import type { Database } from './database'

export type DatabaseNode = ConfigNode<'database', Database>

/** @param found see `sharedBy` @throws PipelineError `CONFIG_INVALID` */
export function requireDatabase(found: unknown): Database {
  return sharedBy(found as DatabaseNode | null, 'database', 'a PostgreSQL database')
}
