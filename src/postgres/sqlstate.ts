/**
 * What to do about an error of PostgreSQL, by its SQLSTATE. The table is the policy: the longest entry that the
 * code begins with decides.
 * Codes: PostgreSQL documentation, appendix A.
 *
 *  - transient: the same batch again, for ever.
 *  - data: a row is at fault; it is searched for, and becomes a dead letter.
 *  - configuration: somebody has to mend the database or the node. Nothing is written off; we try again.
 */
export type FaultKind = 'transient' | 'data' | 'configuration'

const KINDS: Readonly<Record<string, FaultKind>> = {
  // the connection, and what ends it
  '08': 'transient',
  '57': 'transient',
  // another transaction, or our own time limits
  '25': 'transient',
  '40': 'transient',
  '55P03': 'transient', // lock not available
  '55006': 'transient', // object in use
  // the server lacks memory, disk or connections; the file system fails
  '53': 'transient',
  '58': 'transient',

  '22': 'data',
  '23': 'data',
  '21000': 'data',
  '44': 'data', // WITH CHECK OPTION of a view
  '54': 'data', // too deep, too large
  P0: 'data', // raised by somebody's trigger
  XX000: 'data', // "internal error"; it counts against a row only if that row alone raises it again

  '28': 'configuration',
  '3D': 'configuration',
  '3F': 'configuration',
  '42': 'configuration',
  '0A': 'configuration',
  '55': 'configuration',
  XX: 'configuration', // corrupted table or index
}

/** An unknown code is not held against the rows. */
export function faultKind(sqlState: string): FaultKind {
  for (const length of [5, 2]) {
    const kind = KINDS[sqlState.slice(0, length)]
    if (kind !== undefined) return kind
  }
  return 'configuration'
}

/** A partitioned table has no partition for a row: `23514` like a violated check, but the table is at fault. */
export function isMissingPartition(error: { code?: unknown; routine?: unknown }): boolean {
  return error.code === '23514' && error.routine === 'ExecFindPartition'
}
