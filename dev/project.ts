/** Where things are in this project, and its name; `dev/` is run from the sources, so folders do not move. */
import { readFileSync } from 'node:fs'
import path from 'node:path'

export const PROJECT_ROOT = path.resolve(__dirname, '..')

/** Git-ignored: everything that a run leaves behind. */
export const DATA_FOLDER = path.join(PROJECT_ROOT, '.data')

interface PackageFile {
  readonly name: string
  readonly version: string
}

export function packageFile(): PackageFile {
  return JSON.parse(readFileSync(path.join(PROJECT_ROOT, 'package.json'), 'utf8')) as PackageFile
}
