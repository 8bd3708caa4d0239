/**
 * `npm run bench`: measures the rows of `rows.ts` on real services of its own, prints a table, and writes it with a chart
 * into `docs/` when all rows are there. Ctrl-C stops everything.
 */
import { accessSync, appendFileSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { PROJECT_ROOT } from '../dev/project'
import { buildIfStale } from '../dev/start/build'
import { listenForStop } from '../dev/start/stop-signals'
import { Terminal } from '../dev/start/terminal'
import { CalmWatch } from './calm'
import { circumstances } from './machine'
import { helpOf, parseBenchOptions, type BenchOptions } from './options'
import { chartOf } from './report/chart'
import { measuredText, pageWith, parseRun, withEarlier, type BenchRun } from './report/page'
import { tableOf } from './report/table'
import type { RowResult } from './row'
import { ROWS } from './rows'
import { runRow, sidesOf } from './run-row'
import { Stage } from './stage'

const PAGE = path.join(PROJECT_ROOT, 'docs', 'performance.md')
const CHART = path.join(PROJECT_ROOT, 'docs', 'images', 'performance.svg')
const INTERRUPTED = 130

const terminal = new Terminal()

async function main(): Promise<number> {
  const options = optionsOf(process.argv.slice(2))
  if (options.help) {
    terminal.line(helpOf(ROWS))
    return 0
  }
  const earlier = options.with.map(readRun)
  if (options.json !== undefined) assertWritable(options.json)
  if (process.env['KAFKA_BROKERS']) {
    throw new Error('npm run bench fills a Kafka of its own with millions of records: unset KAFKA_BROKERS')
  }
  const stop = listenForStop()
  if (buildIfStale()) terminal.line('package: built')
  const stage = new Stage()
  try {
    const results = await runAll(options, stage, stop.asked)
    const run = withEarlier({ ...(await circumstances(stage)), quick: options.quick, results }, earlier)
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(run, null, 2)}\n`)
    terminal.line(`${run.machine}; ${run.versions.join('; ')}`)
    writePage(run)
    return results.some(({ failed }) => failed !== undefined) ? 1 : 0
  } catch (error) {
    if (!stop.asked.aborted) throw error
    return INTERRUPTED
  } finally {
    terminal.line('stopping the services')
    await stage.close()
  }
}

function optionsOf(args: readonly string[]): BenchOptions {
  try {
    return parseBenchOptions(args, ROWS)
  } catch (error) {
    throw new Error(`${(error as Error).message}\nnpm run bench -- --help lists the options`, {
      cause: error,
    })
  }
}

async function runAll(
  { rows, quick, rounds, json }: BenchOptions,
  stage: Stage,
  signal: AbortSignal,
): Promise<RowResult[]> {
  const startedAt = performance.now()
  const due = rows.filter((row) => sidesOf(row, quick).length > 0)
  const results: RowResult[] = []
  for (const [at, row] of due.entries()) {
    const progress = (text: string): void => {
      const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1)
      terminal.live(`[${at + 1}/${due.length}] ${row.name}, ${text} (${minutes} min so far)`)
    }
    const result = await runRow(row, { stage, signal, quick, rounds, progress, calm: new CalmWatch() })
    results.push(result)
    terminal.line(
      tableOf([row], [result])
        .split('\n')
        .slice(at === 0 ? 0 : 2)
        .join('\n'),
    )
    if (result.failed !== undefined) terminal.line(`${row.name} failed: ${result.failed}`)
    // After each row: a long run that is interrupted has not been for nothing.
    if (json !== undefined) {
      writeFileSync(json, `${JSON.stringify({ ...(await circumstances(stage)), quick, results }, null, 2)}\n`)
    }
  }
  return results
}

/** Leaves the page alone unless every row is there that such a run has. */
function writePage(run: BenchRun): void {
  const missing = ROWS.filter((row) => sidesOf(row, run.quick).length > 0 && !run.results.some(({ name }) => name === row.name)) // prettier-ignore
  if (missing.length > 0) {
    terminal.line(`docs/performance.md: unchanged, it needs all rows (or --with FILE); not measured: ${missing.map(({ name }) => name).join(', ')}`) // prettier-ignore
    return
  }
  const page = pageWith(readFileSync(PAGE, 'utf8'), measuredText(ROWS, run), run.quick)
  if (page === undefined) {
    terminal.line('docs/performance.md: unchanged, it has the figures of a whole run')
    return
  }
  writeFileSync(PAGE, page)
  const how = run.quick ? 'a quick look (--quick), few messages' : 'medians of a whole run'
  writeFileSync(
    CHART,
    chartOf(run.results, `${run.date}, ${how}. Load, services and process share the machine.`),
  )
  terminal.line('docs/performance.md and its chart: written')
}

function readRun(file: string): BenchRun {
  try {
    return parseRun(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Error(`--with: cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
}

/** Before an hour of measuring, not after it. */
function assertWritable(file: string): void {
  try {
    if (existsSync(file)) accessSync(file, constants.W_OK)
    appendFileSync(file, '')
  } catch (error) {
    throw new Error(`--json: cannot write ${file}: ${(error as Error).message}`, { cause: error })
  }
}

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    terminal.line(error.message)
    process.exit(1)
  },
)
