/**
 * An error output that leads nowhere: what leaves there is held until it is wired. The dialog says so, and a click wires all
 * such outputs of the flow to a dead letter node.
 */
import type { EditorNode } from './node'

const DEAD_LETTER = 'tenant-dead-letter'
/** From the outermost nodes of the flow, so that wires lead forward. */
const [RIGHT_PX, BELOW_PX] = [160, 80]

/** Fills the element `<type>-unwired` of a dialog: it is shown while the error output leads nowhere. */
export function showUnwired(node: EditorNode): void {
  const place = $(`#${node.type}-unwired`)
  const isUnwired = unwiredOutput(node) !== undefined && RED.nodes.workspace(node.z)?.locked !== true
  place.toggle(isUnwired)
  place.find('button').on('click', () => {
    wireAll(node.z)
    place.hide()
  })
}

/** The error output of a node when nothing is wired to it. */
function unwiredOutput(node: EditorNode): number | undefined {
  const sourcePort = globalThis.tenantPipeline?.[node.type]?.errorOutput?.call(node)
  if (sourcePort === undefined) return undefined
  return RED.nodes.filterLinks({ source: node, sourcePort }).length === 0 ? sourcePort : undefined
}

/** To the dead letter node of the flow, which is made when there is none. */
function wireAll(z: string | undefined): void {
  const nodes: EditorNode[] = []
  RED.nodes.eachNode((node) => {
    if (node.z === z) nodes.push(node)
  })
  const dirty = RED.nodes.dirty()
  const existing = nodes.find(({ type }) => type === DEAD_LETTER)
  const made = existing === undefined ? RED.view.createNode(DEAD_LETTER, ...placeBelow(nodes), z) : undefined
  const target = made === undefined ? existing : RED.nodes.add(made.node)
  if (target === undefined) return
  const links = nodes.flatMap((source) => {
    const sourcePort = unwiredOutput(source)
    return sourcePort === undefined ? [] : [{ source, sourcePort, target }]
  })
  for (const link of links) RED.nodes.addLink(link)
  RED.history.push({ t: 'add', dirty, ...made?.historyEvent, links })
  RED.editor.validateNode(target)
  RED.nodes.dirty(true)
  RED.view.redraw(true)
}

function placeBelow(nodes: readonly EditorNode[]): [x: number, y: number] {
  const largest = (axis: 'x' | 'y'): number => Math.max(...nodes.map((node) => Number(node[axis])))
  return [largest('x') + RIGHT_PX, largest('y') + BELOW_PX]
}
