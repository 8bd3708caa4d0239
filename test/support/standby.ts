/** A second PostgreSQL that follows a first by streaming replication, as failover needs it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freezeProcess } from '../../dev/services/frozen'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'

/** Stops the primary for a moment, to copy it. */
export async function startStandby(primary: OwnPostgres): Promise<OwnPostgres> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'tenant-standby-'))
  await primary.shutDown()
  // `cp` keeps the owner, which PostgreSQL insists on.
  execFileSync('cp', ['-a', primary.cluster, path.join(dataDir, 'cluster')])
  demote(path.join(dataDir, 'cluster'))
  await primary.restart()
  const { hostname, port, username, password } = new URL(primary.address)
  const standby = await startOwnPostgres({
    dataDir,
    settings: {
      primary_conninfo: `host=${hostname} port=${port} user=${username} password=${password}`,
      wal_retrieve_retry_interval: '100ms',
    },
  })
  return {
    ...standby,
    stop: async () => {
      await standby.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** The server and its children are stopped where they are: its connections stay, and nothing answers. @returns the way back */
export async function freeze({ cluster }: OwnPostgres): Promise<() => void> {
  const postmaster = Number(readFileSync(path.join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0])
  const processes = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  const pids = processes
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([pid = 0, parent]) => (pid === postmaster || parent === postmaster ? [pid] : []))
  await Promise.all(pids.map(freezeProcess))
  return () => {
    for (const pid of pids) process.kill(pid, 'SIGCONT')
  }
}

/** At its next start the server takes no writes. */
export function demote(cluster: string): void {
  const signal = path.join(cluster, 'standby.signal')
  execFileSync('cp', ['-a', path.join(cluster, 'PG_VERSION'), signal])
}
