/**
 * `npm run test:faults [-- --seed N] [-- --only F1,K7] [-- --jobs 1]`: all rows of the fault matrix, the rows of one
 * file after the other, and as many files side by side as there are jobs. A whole run that passes writes
 * `docs/faults.md`. With `--soak [--kills N]` it is a long run of kills instead, see `soak.ts`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { PROJECT_ROOT } from '../../dev/project'
import { countOf } from './count'
import { addSums, lineOf, NO_SUM, parseLine, type SoakSum } from './soak-sum'
import { pageOf } from './table'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    only: { type: 'string' },
    jobs: { type: 'string', default: '2' },
    soak: { type: 'boolean', default: false },
    kills: { type: 'string', default: '1000' },
  },
})
const [kills, jobs] = [asked('kills'), asked('jobs')]
const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 31))
const only = values.only === undefined ? [] : ['--grep', `(${values.only.split(',').join('|')}):`]
const folder = mkdtempSync(path.join(tmpdir(), 'tenant-faults-'))
const results = path.join(folder, 'results.jsonl')
const mocha = require.resolve('mocha/bin/mocha.js')
let passed = 0
let failed = 0

/** Ends the process with a sentence when the option does not say how often. */
function asked(option: 'kills' | 'jobs'): number {
  try {
    return countOf(option, values[option])
  } catch (error) {
    console.error((error as Error).message)
    return process.exit(1)
  }
}

/** Runs the rows of a file, and shows what they say when they are done. */
async function play(file: string): Promise<void> {
  const child = spawn(process.execPath, [mocha, file, ...only], {
    cwd: PROJECT_ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FAULTS: 'all', TEST_SEED: seed, FAULTS_RESULTS: results },
  })
  let said = ''
  for (const output of [child.stdout, child.stderr])
    output.on('data', (text: Buffer) => (said += String(text)))
  const [code] = (await once(child, 'close')) as [number | null]
  console.log(said)
  const count = /^(\d+) passed, (\d+) failed$/m.exec(said)
  passed += Number(count?.[1] ?? 0)
  failed += Number(count?.[2] ?? 0)
  if (code !== 0 && (count?.[2] ?? '0') === '0') failed++
}

/** As many soaks side by side as there are jobs, with a part of the kills each; the last line is what all have counted. */
async function soak(): Promise<void> {
  const parts = Array.from({ length: jobs }, (_, at) => Math.floor((kills + at) / jobs)).filter(
    (part) => part > 0,
  )
  const sums = await Promise.all(parts.map((part, at) => soakPart(part, Number(seed) + at)))
  rmSync(folder, { recursive: true })
  const whole = sums.filter((sum) => sum !== undefined)
  console.log(lineOf(whole.reduce(addSums, NO_SUM)))
  if (whole.length < parts.length)
    console.log(`${parts.length - whole.length} of ${parts.length} soaks failed`)
  process.exitCode = whole.length < parts.length ? 1 : 0
}

/** @returns what it has counted, or `undefined` when it failed */
async function soakPart(kills: number, partSeed: number): Promise<SoakSum | undefined> {
  const child = spawn(process.execPath, [mocha, path.join('test', 'faults', 'soak.ts')], {
    cwd: PROJECT_ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TEST_SEED: String(partSeed), SOAK_KILLS: String(kills) },
  })
  let said = ''
  child.stdout.on('data', (text: Buffer) => {
    process.stdout.write(text)
    said += String(text)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return code === 0 ? parseLine(said) : undefined
}

async function main(): Promise<void> {
  console.log(`seed ${seed}`)
  if (values.soak) return soak()
  const files = readdirSync(__dirname)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => path.join('test', 'faults', name))
  const work = async (): Promise<void> => {
    for (let file = files.shift(); file !== undefined; file = files.shift()) await play(file)
  }
  await Promise.all(Array.from({ length: jobs }, work))
  if (failed === 0 && values.only === undefined) {
    writeFileSync(path.join(PROJECT_ROOT, 'docs', 'faults.md'), pageOf(results))
  }
  rmSync(folder, { recursive: true })
  if (passed + failed === 0) {
    console.log(
      `No row is called ${values.only}. Rows have names such as F1 and K7; several are separated by commas`,
    )
    failed++
  }
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}

void main()
