/**
 * What a node that has just been dropped can know by itself, from its flow and the nodes around it, so that a first flow
 * needs few values. A preset follows the workspace until the flow is deployed or the user enters something else, so the
 * order in which nodes are dropped, wired and filled in does not matter. Nodes of a saved or imported flow are left alone.
 */
import type { EditorNode } from './node'

/** @returns what the property of a new node has to be; `undefined` when nothing can be said yet */
export type Preset = (node: EditorNode) => string | undefined
export type Presets = Readonly<Record<string, Preset>>

interface NewNode {
  readonly presets: Presets
  /** The values that are ours, by property. A property that has another one belongs to the user. */
  readonly given: Map<string, unknown>
}

/** By id, since the last deploy. */
const newNodes = new Map<string, NewNode>()
let isListening = false
let isUpdating = false

/** For `onadd`: of a node from the palette, before it is in the workspace. */
export function preset(node: EditorNode, presets: Presets): void {
  // The editor marks pasted and imported nodes before this, and new ones after it.
  if (node.changed === true) return
  listen()
  const given = new Map(Object.keys(presets).map((property) => [property, node[property]]))
  newNodes.set(node.id, { presets, given })
  fill(node, { presets, given })
}

function listen(): void {
  if (isListening) return
  isListening = true
  for (const event of [
    'nodes:add',
    'nodes:change',
    'nodes:remove',
    'links:add',
    'links:remove',
    'flows:change',
  ])
    RED.events.on(event, update)
  RED.events.on('deploy', () => newNodes.clear())
}

/** Once for all events of a moment, when the editor has finished what it is doing. */
function update(): void {
  if (isUpdating || newNodes.size === 0) return
  isUpdating = true
  queueMicrotask(() => {
    // What one node gets may be what another one looks at.
    while (fillAll());
    isUpdating = false
  })
}

/** @returns whether something is new */
function fillAll(): boolean {
  let isChanged = false
  for (const [id, newNode] of newNodes) {
    const node = RED.nodes.node(id)
    if (node === null) newNodes.delete(id)
    else if (!isLocked(node) && fill(node, newNode)) {
      show(node)
      isChanged = true
    }
  }
  return isChanged
}

const isLocked = ({ z }: EditorNode): boolean => RED.nodes.workspace(z)?.locked === true

/** @returns whether something is new */
function fill(node: EditorNode, { presets, given }: NewNode): boolean {
  let isChanged = false
  for (const [property, last] of given) {
    const known = node[property] === last ? presets[property]?.(node) : undefined
    if (node[property] !== last) given.delete(property)
    if (known === undefined || known === last) continue
    given.set(property, known)
    RED.nodes.updateConfigNodeUsers(node, { action: 'remove', emitEvent: false })
    Object.assign(node, { [property]: known })
    isChanged = true
  }
  return isChanged
}

function show(node: EditorNode): void {
  RED.nodes.updateConfigNodeUsers(node, { action: 'add' })
  Object.assign(node, { dirty: true, resize: true })
  RED.editor.validateNode(node)
  RED.nodes.dirty(true)
  RED.view.redraw()
}

/** The configuration node of this type, if there is only one that the node can use. */
export function onlyOne(type: string): Preset {
  return ({ z }) => {
    const found: string[] = []
    RED.nodes.eachConfig((config) => {
      if (config.type === type && !config.d && (!config.z || config.z === z)) found.push(config.id)
    })
    return found.length === 1 ? found[0] : undefined
  }
}

/** All nodes that a message of this node can come to over wires and links. */
export function downstreamOf(node: EditorNode): readonly EditorNode[] {
  const found = new Set<EditorNode>()
  const waiting = [node]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const linked = next.type === 'link out' && Array.isArray(next['links']) ? next['links'] : []
    const wired = RED.nodes.filterLinks({ source: next }).map(({ target }) => target)
    const targets = [...wired, ...linked.map((id) => RED.nodes.node(String(id)))]
    for (const target of targets) {
      if (target === null || found.has(target)) continue
      found.add(target)
      waiting.push(target)
    }
  }
  return [...found]
}

const LONGEST_NAME = 60

/** A name for what Kafka or a broker remembers: of the flow, and one of a kind. */
export const nameOfFlow: Preset = ({ id, z }) => {
  const { label, name } = RED.nodes.workspace(z) ?? RED.nodes.subflow(z) ?? {}
  const plain = (label ?? name ?? '').normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
  const words = plain.match(/[a-z0-9]+/g) ?? ['node', 'red']
  return `${words.join('-').slice(0, LONGEST_NAME)}-${id.slice(0, 6)}`
}
