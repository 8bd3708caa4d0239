/** Runs `tracking.ts` in a process of its own, once. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { endWithUs, hasEnded } from '../../dev/services/guard'
import type { TrackingPlan, TrackingTimes } from './tracking'

export async function runTracking(plan: TrackingPlan, signal: AbortSignal): Promise<TrackingTimes> {
  const child = fork(path.join(__dirname, 'tracking.ts'), [JSON.stringify(plan)], {
    execArgv: ['--require', require.resolve('tsx/cjs')],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  endWithUs(child.pid!)
  const exited = once(child, 'exit')
  try {
    const ended = exited.then(() =>
      Promise.reject(new Error('the process that measures the tracking has ended')),
    )
    const told = once(child, 'message', { signal })
    const [times] = (await Promise.race([told, ended])) as [TrackingTimes]
    return times
  } finally {
    child.kill('SIGKILL')
    await exited
    hasEnded(child.pid!)
  }
}
