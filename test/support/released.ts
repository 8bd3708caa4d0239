/** Flows as released versions have saved them: each example, and a flow with every node of that version. */
import path from 'node:path'
import type { FlowEntry } from '../../dev/node-red'
import { filesIn, readJson } from './package'

/** Where all nodes of a version are in one flow. */
export const EVERY_NODE = 'every node.json'

export interface ReleasedFlow {
  readonly version: string
  readonly name: string
  readonly nodes: readonly FlowEntry[]
}

export function releasedFlows(): ReleasedFlow[] {
  return filesIn('test/released').map((file) => ({
    version: path.basename(path.dirname(file)),
    name: path.basename(file),
    nodes: readJson(file) as FlowEntry[],
  }))
}
