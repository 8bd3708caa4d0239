/** The tables that a sink writes to: prepared before the first row, and maintained from then on. */
import type { PipelineError } from '../../wire/errors'
import type { RowTargets } from '../write/row-target'

export interface MaintainedTables {
  /** All tenants share them: a lock on one tenant's table cannot hold up another's rows. */
  readonly areShared: boolean
  /** Why the table of a tenant cannot be written; its records become dead letters meanwhile. */
  readonly problems: ReadonlyMap<string, PipelineError>
  /** Partitions and retention are in order, as far as is known. */
  readonly isMaintained: boolean
  /** Prepares them, unless they are. @throws DatabaseError */
  targets(): Promise<RowTargets>
  /** Looks at the tables again before the next row. */
  forget(): void
  /** Rows fall on these days (since 1970, UTC). */
  noteDays(days: ReadonlySet<number>): void
  /** The tables are there, and may be maintained from now on. */
  maintain(): void
  /** Resolves when no maintenance is running. */
  close(): Promise<void>
}
