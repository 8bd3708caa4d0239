/** A peer: a program of its own that ends with us. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { endWithUs, hasEnded } from '../../dev/services/guard'

export interface Program {
  readonly pid: number
  end(): Promise<void>
  lastWords(): string
}

/** @param folder where its output is kept */
export async function startProgram(
  command: string,
  args: readonly string[],
  { folder, env }: { readonly folder: string; readonly env: Readonly<Record<string, string>> },
): Promise<Program> {
  const file = path.join(folder, 'output.log')
  const log = openSync(file, 'a')
  const child = spawn(command, args, {
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  await once(child, 'spawn')
  const pid = child.pid!
  endWithUs(pid)
  const exited = once(child, 'exit').then(() => hasEnded(pid))
  return {
    pid,
    end: async () => {
      child.kill('SIGKILL')
      await exited
    },
    lastWords: () => readFileSync(file, 'utf8').slice(-2000),
  }
}
