/** Settings of a server by which it may lose what it has confirmed, as warnings. */
import type { ServerState } from './server-statements'

/** Values of `synchronous_commit` that do not wait for a standby, or not even for the disk. */
const HASTY = ['off', 'local']

export function durabilityWarnings({
  fsync,
  fullPageWrites,
  synchronousCommit,
  standbys,
}: Pick<ServerState, 'fsync' | 'fullPageWrites' | 'synchronousCommit' | 'standbys'>): string[] {
  const warnings: string[] = []
  if (!fsync)
    warnings.push('fsync is off: a power cut can destroy the database, with rows that were confirmed')
  if (!fullPageWrites)
    warnings.push('full_page_writes is off: a power cut can leave pages of the database half written')
  if (HASTY.includes(synchronousCommit) && standbys > 0) {
    warnings.push(
      `synchronous_commit is ${synchronousCommit}, and the server has standbys: the nodes switch it on for what ` +
        'they write, but what others write can be lost when a standby takes over',
    )
  }
  return warnings
}
