/**
 * The nodes of this Node-RED that can be watched: what each counts anyway, and whether it is ready. Nothing is asked
 * until a scrape looks, so being watched costs a node nothing.
 */
import type { Distribution } from './distribution'
import type { MetricName } from './metrics'
import type { Status } from '../status/status'

/** One value, or one for each value of the metric's label. */
export type Sample = number | Distribution | ReadonlyMap<string, number | Distribution>
export type Samples = { readonly [Name in MetricName]?: Sample | undefined }

/** Why a node is not ready; `undefined` when it is. */
export type Unready = { readonly code: string; readonly message: string } | undefined

/** What a node tells when it is asked. */
export interface Watched {
  readonly samples?: () => Samples
  /** Why it cannot do its work now. */
  readonly unready?: () => Unready
  /** Of a source that the operator can pause: whether it is. */
  readonly paused?: () => boolean | undefined
  /** What the editor shows below it. */
  readonly status?: () => Status
}

export interface WatchedNode extends Watched {
  readonly id: string
  /** Inside a subflow: the id in the flow file, which differs from the one under which an instance runs. */
  readonly idInFlow?: string | undefined
  readonly type: string
  readonly name?: string | undefined
}

export class WatchedNodes {
  private readonly byId = new Map<string, WatchedNode>()

  get all(): readonly WatchedNode[] {
    return [...this.byId.values()]
  }

  /**
   * A node that is deployed again takes the place of the one before, also of one that has not closed in time.
   * @returns the function that ends it
   */
  add(node: WatchedNode): () => void {
    this.byId.set(node.id, node)
    return () => {
      if (this.byId.get(node.id) === node) this.byId.delete(node.id)
    }
  }
}

/** Of this process. */
export const watchedNodes = new WatchedNodes()

/**
 * How nodes are called in metrics: by their names, and those without one by their ids. Of several with the same name each
 * has its id as well.
 */
export function labelsOf(nodes: readonly WatchedNode[]): ReadonlyMap<WatchedNode, string> {
  const uses = new Map<string, number>()
  for (const node of nodes) uses.set(nameOf(node), (uses.get(nameOf(node)) ?? 0) + 1)
  return new Map(
    nodes.map((node) => {
      const name = nameOf(node)
      return [node, uses.get(name) === 1 ? name : `${name} (${node.id})`]
    }),
  )
}

/** An empty name is none. */
const nameOf = ({ id, name }: WatchedNode): string => name || id
