/**
 * After a deploy the new source of a node waits until the old one has left its group: with both in it, the group would
 * be rebalanced twice.
 */
const closing = new Map<string, Promise<void>>()

/** The old source of this node that is still closing. */
export function closingSource(nodeId: string): Promise<void> | undefined {
  return closing.get(nodeId)
}

export async function whileClosing(nodeId: string, handOver: Promise<void>): Promise<void> {
  closing.set(nodeId, handOver)
  await handOver
  if (closing.get(nodeId) === handOver) closing.delete(nodeId)
}
