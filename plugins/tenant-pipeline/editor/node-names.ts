/** How the editor calls a node that runs, and where it has it. */
import type { EditorNode } from '../../../editor/node'
import type { NodeOverview } from '../../../src/watch/overview'

/** `undefined` when the editor does not have it: another editor has deployed it. */
export function nodeInFlow({ id, idInFlow }: NodeOverview): EditorNode | undefined {
  return RED.nodes.node(idInFlow ?? id) ?? undefined
}

/** What is written on it. */
export function nameOf(node: NodeOverview): string {
  const inFlow = nodeInFlow(node)
  return node.name || (inFlow === undefined ? node.type : RED.utils.getNodeLabel(inFlow, node.type))
}

/** Of its tab or subflow. */
export function flowOf(node: NodeOverview): string {
  const { z } = nodeInFlow(node) ?? {}
  return RED.nodes.workspace(z)?.label ?? RED.nodes.subflow(z)?.name ?? ''
}

/** Shows it on the workspace, and selects it. */
export function reveal(node: NodeOverview): void {
  const inFlow = nodeInFlow(node)
  if (inFlow === undefined) return
  RED.view.reveal(inFlow.id)
  RED.view.select(inFlow.id)
}
