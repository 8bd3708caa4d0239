/** Runs the steps of a Dockerfile in root file systems, one for each stage. */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { run } from '../services/run'
import { baseFor } from './base'
import { readDockerfile, type Env, type Stage, type Step } from './dockerfile'

export interface Image {
  /** The root file system. */
  readonly root: string
  /** How it is to be run. */
  readonly stage: Stage
  /** Megabytes beyond those of the base image. */
  readonly addedMb: number
  remove(): void
}

/** @param context the folder with the Dockerfile; @param given values of its `ARG`s */
export async function buildImage(context: string, given: Env = {}): Promise<Image> {
  const stages = readDockerfile(readFileSync(path.join(context, 'Dockerfile'), 'utf8'), given)
  const work = mkdtempSync(path.join(tmpdir(), 'tenant-container-'))
  // In memory: a disk needs half a minute to remove the 30,000 files. Another user looks into it.
  command('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', work])
  const remove = (): void => {
    command('umount', [work])
    rmdirSync(work)
  }
  try {
    const roots = new Map<string, string>()
    let root = ''
    let baseMb = 0
    for (const [index, stage] of stages.entries()) {
      root = path.join(work, String(index))
      const base = await baseFor(stage.image)
      baseMb = sizeMb(base)
      command('cp', ['--archive', base, root])
      for (const step of stage.steps) await take(step, { root, context, roots })
      if (stage.name !== undefined) roots.set(stage.name, root)
    }
    const stage = stages.at(-1)
    if (stage === undefined) throw new Error(`${context}/Dockerfile has no stage`)
    return { root, stage, addedMb: sizeMb(root) - baseMb, remove }
  } catch (error) {
    remove()
    throw error
  }
}

interface Place {
  readonly root: string
  readonly context: string
  readonly roots: ReadonlyMap<string, string>
}

async function take(step: Step, { root, context, roots }: Place): Promise<void> {
  if (step.do === 'run') return runStep(step, root)
  const target = path.join(root, step.target)
  if (step.from !== undefined) {
    const from = roots.get(step.from)
    if (from === undefined) throw new Error(`COPY --from=${step.from}: there is no such stage`)
    // As Docker does: what is in the folder, not the folder.
    for (const source of step.sources) command('cp', ['--archive', '-T', path.join(from, source), target])
    return
  }
  const files = step.sources.flatMap((source) => matches(context, source))
  mkdirSync(step.target.endsWith('/') ? target : path.dirname(target), { recursive: true })
  for (const file of files)
    cpSync(path.join(context, file), step.target.endsWith('/') ? path.join(target, file) : target)
}

/** Files of the context, which has only what `.dockerignore` lets in. */
function matches(context: string, pattern: string): string[] {
  const plain = pattern.replace(/^\.\//, '')
  const ignore = readFileSync(path.join(context, '.dockerignore'), 'utf8').trim().split('\n')
  if (ignore[0] !== '*' || !ignore.slice(1).every((line) => line.startsWith('!')))
    throw new Error('.dockerignore: expected * and then what is let in')
  const allowed = ignore.slice(1).map((line) => line.slice(1))
  const found = readdirSync(context)
    .filter((file) => statSync(path.join(context, file)).isFile())
    .filter((file) => fits(file, plain) && allowed.some((one) => fits(file, one)))
  if (found.length === 0 && !plain.includes('*')) throw new Error(`COPY ${pattern}: there is no such file`)
  return found
}

function fits(file: string, pattern: string): boolean {
  const [before = '', after] = pattern.split('*')
  return after === undefined ? file === before : file.startsWith(before) && file.endsWith(after)
}

/** A step runs as root of the image, with the network, and nothing else of this machine but its certificates. */
async function runStep({ command, folder, env }: Extract<Step, { do: 'run' }>, root: string): Promise<void> {
  mkdirSync(path.join(root, folder), { recursive: true })
  const lent = ['/etc/resolv.conf', '/etc/ssl/certs', process.env['NODE_EXTRA_CA_CERTS'] ?? ''].filter(
    (place) => place !== '' && existsSync(place),
  )
  for (const place of lent) makeMountPoint(path.join(root, place), statSync(place).isDirectory())
  const passed = ['NODE_EXTRA_CA_CERTS', 'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'].flatMap(
    (name): [string, string][] => (process.env[name] ? [[name, process.env[name]]] : []),
  )
  const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  const variables = { PATH, HOME: '/root', ...Object.fromEntries(passed), ...env }
  const { ok, output } = await run('bwrap', [
    ...['--bind', root, '/', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp'],
    ...lent.flatMap((place) => ['--ro-bind', place, place]),
    ...['--unshare-pid', '--cap-add', 'ALL', '--chdir', folder, '--clearenv'],
    ...Object.entries(variables).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['sh', '-c', command],
  ])
  if (!ok) throw new Error(`RUN ${command} failed:\n${output.slice(-3000)}`)
}

/** As engines do: a file or folder can be mounted only where there is one. */
export function makeMountPoint(place: string, isFolder: boolean): void {
  mkdirSync(isFolder ? place : path.dirname(place), { recursive: true })
  if (!isFolder && !existsSync(place)) writeFileSync(place, '')
}

function sizeMb(folder: string): number {
  return Number(command('du', ['--summarize', '--block-size=1M', folder]).split('\t')[0])
}

function command(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${error?.message ?? stderr}`)
  return stdout
}
