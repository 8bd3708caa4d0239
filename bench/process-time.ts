/** Processor time and memory of processes that we cannot ask: Kafka, PostgreSQL, Telegraf. Linux only, else NaN. */
import { readdirSync, readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100

/** User and system time of a process so far, in µs; with that of its children, ended ones as well, when asked for. */
export function cpuMicros(pid: number, withChildren = false): number {
  const own = statOf(pid)
  if (own === undefined) return NaN
  if (!withChildren) return own.ticks * (1e6 / TICKS_PER_SECOND)
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)))
    .filter((stat) => stat?.parent === pid)
  const ticks = children.reduce((sum, stat) => sum + (stat?.ticks ?? 0), own.ticks + own.endedTicks)
  return ticks * (1e6 / TICKS_PER_SECOND)
}

/** Resident memory, in bytes. */
export function rssBytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
  } catch {
    return NaN
  }
}

function statOf(pid: number): { parent: number; ticks: number; endedTicks: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may contain spaces. After it: state, parent, …, utime, stime, cutime, cstime.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map(Number)
    return { parent: Number(fields[1]), ticks: user! + system!, endedTicks: endedUser! + endedSystem! }
  } catch {
    return undefined
  }
}
