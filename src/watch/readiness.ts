/**
 * Whether this Node-RED can do its work: what `/ready` answers. It is ready when its flows run and every source and sink reaches
 * what it reads from, or writes to. It stays alive in any case: a restart brings back no Kafka and no PostgreSQL.
 */
import { labelsOf, type Unready, type WatchedNodes } from './watched-nodes'

export type FlowState = 'starting' | 'running' | 'stopping'

export interface NodeReadiness {
  readonly node: string
  readonly id: string
  readonly type: string
  readonly ready: boolean
  readonly code?: string
  readonly reason?: string
}

export interface Readiness {
  readonly ready: boolean
  readonly flows: FlowState
  /** Those of the flow, without configuration nodes. */
  readonly nodes: readonly NodeReadiness[]
}

export function readinessOf({ all }: WatchedNodes, flows: FlowState): Readiness {
  const labels = labelsOf(all)
  const nodes = all.flatMap((node): NodeReadiness[] => {
    if (node.unready === undefined) return []
    const { id, type } = node
    const unready: Unready = node.unready()
    const named = { node: labels.get(node) as string, id, type }
    if (unready === undefined) return [{ ...named, ready: true }]
    return [{ ...named, ready: false, code: unready.code, reason: unready.message }]
  })
  return { ready: flows === 'running' && nodes.every(({ ready }) => ready), flows, nodes }
}
