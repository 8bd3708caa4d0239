/**
 * A root file system like that of the official Node.js image: Debian of debootstrap, and the Node.js that npm brings.
 * It is kept in the user's cache folder.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { newerNode } from '../node-red/runtime'
import { cacheFolder } from '../services/cache-folder'
import { run } from '../services/run'

/** @returns the folder; to be copied, not changed. @param image such as `node:24.21.0-bookworm-slim` */
export async function baseFor(image: string): Promise<string> {
  const [, version = '', debian = ''] = /^node:(\d+\.\d+\.\d+)-([a-z]+)-slim$/.exec(image) ?? []
  if (version === '') throw new Error(`${image}: expected node:<version>-<Debian's name>-slim`)
  const node = newerNode()
  const { output } = await run(node, ['--version'])
  if (output.trim() !== `v${version}`)
    throw new Error(
      `the Dockerfile is on Node.js ${version}, and npm has installed ${output.trim()} for the tests: change NODE_IMAGE ` +
        'in deploy/container/Dockerfile, or test/node-red-5/package-lock.json',
    )
  const base = path.join(cacheFolder(), `debian-${debian}-node-${version}`)
  if (existsSync(base)) return base
  mkdirSync(cacheFolder(), { recursive: true })
  const work = mkdtempSync(path.join(cacheFolder(), 'debian-'))
  try {
    const made = await run('debootstrap', ['--variant=minbase', debian, work])
    if (!made.ok)
      throw new Error(
        `debootstrap could not make a Debian (install debootstrap, be root):\n${made.output.slice(-2000)}`,
      )
    addNode(work, node)
    // mkdtemp lets only us in.
    spawnSync('chmod', ['755', work])
    renameSync(work, base)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return base
}

/** As the image has it, with the npm of this machine: npm has no package of Node.js with the one that it comes with. */
function addNode(root: string, node: string): void {
  cpSync(node, path.join(root, 'usr/local/bin/node'))
  const { stdout } = spawnSync('npm', ['root', '--global'], { encoding: 'utf8' })
  const npm = path.join(stdout.trim(), 'npm')
  const to = '/usr/local/lib/node_modules/npm'
  cpSync(npm, path.join(root, to), { recursive: true, verbatimSymlinks: true })
  const commands = `ln -s ${to}/bin/npm-cli.js /usr/local/bin/npm && useradd --uid 1000 --user-group --create-home node`
  const { status, stderr } = spawnSync('chroot', [root, 'sh', '-c', commands], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the user of the image could not be added: ${stderr}`)
}
