/** Runs a script of this folder in a process of its own, once: it gets a plan as its argument, and tells its parent what it measured. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { endWithUs, hasEnded } from '../../dev/services/guard'

export async function runOnce<Measured>(
  script: string,
  plan: object,
  signal: AbortSignal,
): Promise<Measured> {
  const child = fork(path.join(__dirname, script), [JSON.stringify(plan)], {
    execArgv: ['--require', require.resolve('tsx/cjs')],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  endWithUs(child.pid!)
  const exited = once(child, 'exit')
  try {
    const ended = exited.then(() => Promise.reject(new Error(`the process of ${script} has ended`)))
    const told = once(child, 'message', { signal })
    const [measured] = (await Promise.race([told, ended])) as [Measured]
    return measured
  } finally {
    child.kill('SIGKILL')
    await exited
    hasEnded(child.pid!)
  }
}
