/** Builds the package when `resources/`, which the build writes last, is missing or older than a source. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { PROJECT_ROOT } from '../project'

const SOURCES = [
  'src',
  'nodes',
  'editor',
  'icons',
  'scripts',
  'package.json',
  'tsconfig.json',
  'tsconfig.editor.json',
]

/** @returns whether a build was needed */
export function buildIfStale(): boolean {
  const output = path.join(PROJECT_ROOT, 'resources')
  const changedMs = Math.max(...SOURCES.map((source) => newestMs(path.join(PROJECT_ROOT, source))))
  if (existsSync(output) && newestMs(output) >= changedMs) return false
  const { status, error } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: PROJECT_ROOT,
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error('the build failed', { cause: error })
  return true
}

/** The latest modification of a file, or of any file in a folder. */
function newestMs(fileOrFolder: string): number {
  const found = statSync(fileOrFolder)
  if (!found.isDirectory()) return found.mtimeMs
  const inside = readdirSync(fileOrFolder).map((name) => newestMs(path.join(fileOrFolder, name)))
  return Math.max(0, ...inside)
}
