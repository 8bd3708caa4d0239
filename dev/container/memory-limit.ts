/** A limit for the memory of a process, by a control group of the kernel: version 2 or 1, whichever this machine has. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const GROUPS = '/sys/fs/cgroup'

export interface MemoryLimit {
  /** A process that writes its number into it belongs to the group. */
  readonly processes: string
  /** The most that the group has had, with the file cache that the kernel may take back; `undefined`: not known. */
  peakMb(): number | undefined
  remove(): void
}

/** @throws Error when this machine lets us make no group */
export function limitMemory(megabytes: number): MemoryLimit {
  const isV2 = existsSync(path.join(GROUPS, 'cgroup.controllers'))
  const own = ownGroup(isV2)
  const group = path.join(GROUPS, isV2 ? '' : 'memory', own, `tenant-container-${process.pid}`)
  try {
    mkdirSync(group)
    writeFileSync(
      path.join(group, isV2 ? 'memory.max' : 'memory.limit_in_bytes'),
      String(megabytes * 1024 ** 2),
    )
  } catch (cause) {
    throw new Error(`this machine lets us make no control group with a limit of memory (${group})`, { cause })
  }
  const peak = path.join(group, isV2 ? 'memory.peak' : 'memory.max_usage_in_bytes')
  return {
    processes: path.join(group, 'cgroup.procs'),
    peakMb: () => (existsSync(peak) ? Number(readFileSync(peak, 'utf8')) / 1024 ** 2 : undefined),
    remove: () => rmdirSync(group),
  }
}

/** A group without processes of its own may have a limit for its children: with version 2 that is not ours, but its parent. */
function ownGroup(isV2: boolean): string {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').split('\n')
  const line = lines.find((each) => (isV2 ? each.startsWith('0::') : each.includes(':memory:'))) ?? ''
  const group = line.slice(line.lastIndexOf(':') + 1)
  return isV2 ? path.dirname(group) : group
}
