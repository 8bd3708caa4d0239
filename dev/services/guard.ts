/**
 * Child processes that end with this one, also after `kill -9`: a small process of its own group watches a pipe
 * to us and kills what is registered when the pipe breaks.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import path from 'node:path'

let guard: ChildProcess | undefined

function tell(line: string): void {
  if (guard === undefined) {
    guard = spawn(process.execPath, [path.join(__dirname, 'guard.mjs')], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    guard.unref()
    const pipe = guard.stdin as NodeJS.WritableStream & { unref?: () => void }
    pipe.unref?.()
    pipe.on('error', () => (guard = undefined))
  }
  guard.stdin?.write(`${line}\n`)
}

/** From now on this process ends when we end. */
export function endWithUs(pid: number): void {
  tell(`+${pid}`)
}

/** The process has ended by itself; its number may be used again. */
export function hasEnded(pid: number): void {
  tell(`-${pid}`)
}
