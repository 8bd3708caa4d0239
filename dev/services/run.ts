/** Runs a program to its end. Its output is kept for the error, and never shown otherwise. */
import { spawn } from 'node:child_process'

export interface Finished {
  readonly ok: boolean
  /** Standard output and standard error, as they came. */
  readonly output: string
}

/** Never rejects: a program that is not there is one that failed, with the reason as its output. */
export function run(command: string, args: readonly string[], cwd?: string): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', (error) => resolve({ ok: false, output: error.message }))
    child.on('close', (code) => resolve({ ok: code === 0, output }))
  })
}
