/** The real kustomize, built by Go once, and kept in the user's cache folder. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { cacheFolder } from './cache-folder'
import { run } from './run'

/** Old on purpose: the Go of Debian 12 builds it, and what it builds, newer ones build as well. */
const VERSION = 'v5.0.1'

/** @returns the program; the first time takes half a minute of a processor */
export async function kustomizeProgram(): Promise<string> {
  const program = path.join(cacheFolder(), `kustomize-${VERSION}`, 'kustomize')
  if (existsSync(program)) return program
  mkdirSync(cacheFolder(), { recursive: true })
  const work = mkdtempSync(path.join(cacheFolder(), 'kustomize-'))
  try {
    const install = ['go', 'install', `sigs.k8s.io/kustomize/kustomize/v5@${VERSION}`]
    const built = await run('env', [`GOBIN=${work}`, ...install])
    if (!built.ok)
      throw new Error(
        `kustomize ${VERSION} could not be built (install Go 1.19 or newer):\n${built.output.slice(-2000)}`,
      )
    const folder = path.dirname(program)
    // Two processes may build it at once: the first rename wins.
    try {
      renameSync(work, folder)
    } catch (error) {
      if (!existsSync(program)) throw error
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return program
}

/** @returns what `kustomize build` prints for a folder */
export async function kustomizeBuild(folder: string): Promise<string> {
  const { ok, output } = await run(await kustomizeProgram(), ['build', folder])
  if (!ok) throw new Error(`kustomize build ${folder} failed:\n${output}`)
  return output
}
