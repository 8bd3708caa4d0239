/**
 * Freezes a process: its connections stay open, and nothing answers. The signal alone only asks for it: on a busy machine a
 * broker has answered 2 of 100 requests that were sent right after it.
 */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

/** Resolves when no thread of the process runs any more, also when the process has ended; `SIGCONT` thaws it. */
export async function freezeProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  while (!(await threadStates(pid)).every((state) => /^[TZX]/.test(state))) await sleep(1)
}

/** As `ps` says: `T` is stopped, `Z` and `X` have ended. One state for each thread on Linux, elsewhere one for the process. */
async function threadStates(pid: number): Promise<readonly string[]> {
  if (process.platform !== 'linux') {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'state=', '-p', String(pid)])
    return [stdout.trim()]
  }
  const folder = `/proc/${pid}/task`
  const threads = await readdir(folder)
  const stats = await Promise.all(
    // A thread may end meanwhile.
    threads.map((thread) => readFile(`${folder}/${thread}/stat`, 'utf8').catch(() => ') T')),
  )
  // After the name, which may contain anything.
  return stats.map((stat) => stat.slice(stat.lastIndexOf(')') + 2))
}
