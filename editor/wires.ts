/** Where the messages of a node go, or come from, as the flow is drawn now. */
import type { EditorNode } from './node'

export type Direction = 'downstream' | 'upstream'

/** All nodes on the way, the nearest first; link nodes lead on to their partners. */
export function nodesAlong(node: EditorNode, direction: Direction): EditorNode[] {
  const found: EditorNode[] = []
  const seen = new Set([node.id])
  const next = [node]
  for (let one = next.shift(); one !== undefined; one = next.shift()) {
    for (const neighbour of [...wiredTo(one, direction), ...linkedTo(one, direction)]) {
      if (seen.has(neighbour.id)) continue
      seen.add(neighbour.id)
      found.push(neighbour)
      next.push(neighbour)
    }
  }
  return found
}

function wiredTo({ id }: EditorNode, direction: Direction): EditorNode[] {
  return direction === 'downstream'
    ? RED.nodes.filterLinks({ source: { id } }).map(({ target }) => target)
    : RED.nodes.filterLinks({ target: { id } }).map(({ source }) => source)
}

function linkedTo({ type, links }: EditorNode, direction: Direction): EditorNode[] {
  const leadsOn = type === (direction === 'downstream' ? 'link out' : 'link in')
  if (!leadsOn || !Array.isArray(links)) return []
  return links.flatMap((id) => RED.nodes.node(String(id)) ?? [])
}
