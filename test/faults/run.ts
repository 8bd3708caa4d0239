/**
 * `npm run test:faults [-- --seed N] [-- --only F1,K7]`: all rows of the fault matrix. A whole run that passes writes
 * `docs/faults.md`.
 */
import { spawnSync } from 'node:child_process'
import { renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { PROJECT_ROOT } from '../../dev/project'

const { values } = parseArgs({ options: { seed: { type: 'string' }, only: { type: 'string' } } })
const { seed, only } = values
const seedOfRun = seed ?? String(Math.floor(Math.random() * 2 ** 31))
const table = path.join(PROJECT_ROOT, 'docs', 'faults.md')
const draft = `${table}.draft`
console.log(`seed ${seedOfRun}`)

const mocha = require.resolve('mocha/bin/mocha.js')
const grep = only === undefined ? [] : ['--grep', `(${only.split(',').join('|')}):`]
const { status } = spawnSync(process.execPath, [mocha, 'test/faults/**/*.test.ts', ...grep], {
  cwd: PROJECT_ROOT,
  stdio: 'inherit',
  env: {
    ...process.env,
    FAULTS: 'all',
    TEST_SEED: seedOfRun,
    ...(only === undefined ? { FAULTS_TABLE: draft } : {}),
  },
})
if (status === 0 && only === undefined) renameSync(draft, table)
else rmSync(draft, { force: true })
process.exitCode = status ?? 1
