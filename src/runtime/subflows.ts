/**
 * Nodes inside subflows. The flow file has one entry for such a node, under its own id; at run time there is one for
 * each instance of the subflow, under `<id of the instance>-<id in the flow file>`, and so on inwards.
 */
export interface FlowEntry {
  readonly id: string
  readonly type: string
  /** Its tab, or the subflow that it belongs to. */
  readonly z?: string
}

/** The ids under which a node of the flow file runs: its own outside of subflows. */
export function runtimeIds(id: string, entries: readonly FlowEntry[]): string[] {
  const entry = entries.find((each) => each.id === id)
  const subflow = entries.find((each) => each.type === 'subflow' && each.id === entry?.z)
  if (entry === undefined || subflow === undefined) return [id]
  return instancesOf(subflow, entries).flatMap((instance) =>
    runtimeIds(instance.id, entries).map((outer) => `${outer}-${id}`),
  )
}

/**
 * The entry of a node that runs, and the instances that it is inside of, the innermost first; `undefined`: the flow file
 * has no such node.
 */
export function entryOf<E extends FlowEntry>(
  runtimeId: string,
  entries: readonly E[],
): { readonly entry: E; readonly instances: readonly E[] } | undefined {
  const own = entries.find(({ id }) => id === runtimeId)
  if (own !== undefined) return { entry: own, instances: [] }
  for (const entry of entries) {
    if (!runtimeId.endsWith(`-${entry.id}`)) continue
    const outer = entryOf(runtimeId.slice(0, -entry.id.length - 1), entries)
    const isInside = outer?.entry.type === `subflow:${entry.z}`
    if (outer !== undefined && isInside) return { entry, instances: [outer.entry, ...outer.instances] }
  }
  return undefined
}

function instancesOf<E extends FlowEntry>(subflow: FlowEntry, entries: readonly E[]): E[] {
  return entries.filter(({ type }) => type === `subflow:${subflow.id}`)
}
