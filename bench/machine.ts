/** What measures: the machine, and the version of everything that takes part. */
import os from 'node:os'
import { packageFile, PROJECT_ROOT } from '../dev/project'
import { run } from '../dev/services/run'
import type { Circumstances } from './report/page'
import type { Stage } from './stage'
import { describeRuntime } from './subjects/node-red'
import { psqlProgram } from './subjects/psql'
import { telegrafProgram } from './subjects/telegraf'

export async function circumstances(stage: Stage): Promise<Circumstances> {
  const cores = os.availableParallelism()
  const model = os.cpus()[0]?.model.trim() ?? 'unknown processor'
  const memory = Math.round(os.totalmem() / 2 ** 30)
  const commit = await run('git', ['rev-parse', '--short', 'HEAD'], PROJECT_ROOT)
  const versions = await Promise.all([
    describeRuntime('4.1'),
    describeRuntime('5'),
    peer(telegrafProgram()),
    peer(psqlProgram()),
  ])
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cores} processors (${model}), ${memory} GB, ${os.type()} ${os.release()}, all services on this machine`,
    versions: [
      `this package at ${commit.ok ? commit.output.trim() : packageFile().version}`,
      ...versions.filter((version) => version !== undefined),
      ...stage.uses,
    ],
  }
}

async function peer(program: string | undefined): Promise<string | undefined> {
  if (program === undefined) return undefined
  const { ok, output } = await run(program, ['--version'])
  return ok ? output.trim().split('\n', 1)[0] : undefined
}
