/** The flows that are measured: the examples as they ship, with the leg switched off that is not measured. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { FlowEntry } from '../dev/node-red'
import { PROJECT_ROOT } from '../dev/project'

/** An example; nodes of the given types are disabled, and others get the given properties. */
export function example(
  name: string,
  {
    without = [],
    change = {},
  }: { without?: readonly string[]; change?: Readonly<Record<string, object>> } = {},
): FlowEntry[] {
  const file = path.join(PROJECT_ROOT, 'examples', `${name}.json`)
  const flow = JSON.parse(readFileSync(file, 'utf8')) as FlowEntry[]
  return flow.map((entry) => ({
    ...entry,
    ...(without.includes(entry.type) ? { d: true } : {}),
    ...change[entry.type],
  }))
}
