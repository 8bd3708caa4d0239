/** The entries of a flow file, and which of them messages reach. */
import { entryOf } from '../../runtime/subflows'

/** An entry of the flow file, as `RED.nodes.eachNode` hands it out. */
export interface FlowConfig {
  readonly id: string
  readonly type: string
  readonly name?: string
  /** Its tab, or the subflow that it belongs to. */
  readonly z?: string
  /** Switched off. */
  readonly d?: boolean
  readonly wires?: readonly (readonly string[])[]
  /** Of Link out and Link call: the Link in nodes that they lead to. */
  readonly links?: readonly string[]
  /** Of a subflow: the nodes that its inputs lead to. */
  readonly in?: readonly { readonly wires: readonly { readonly id: string }[] }[]
  /** What each type of node has besides. */
  readonly [property: string]: unknown
}

/** The ids of nodes that a node leads to: by its wires, by links, and inside, when it is an instance of a subflow. */
export interface Onwards {
  readonly wires: readonly string[]
  readonly links: readonly string[]
  readonly inside: readonly string[]
}

/**
 * The nodes that messages of a node can reach, itself included: by wires and links, into subflows and out of them.
 * @param runtimeId the id under which it runs, see `runtimeIds`
 */
export function downstream(runtimeId: string, configs: readonly FlowConfig[]): FlowConfig[] {
  const found = entryOf(runtimeId, configs)
  // What leaves a subflow is sent on by the wires of its instance.
  const outside = found?.instances.flatMap(({ wires }) => (wires ?? []).flat()) ?? []
  const start = [found?.entry.id ?? runtimeId, ...outside]
  return reachable(start, configs, (_config, { wires, links, inside }) => [...wires, ...links, ...inside])
}

/** The nodes that have chosen a configuration node in this property; those that are switched off have not. */
export function usersOf(configs: readonly FlowConfig[], property: string, id: string): FlowConfig[] {
  return configs.filter((config) => config[property] === id && config.d !== true)
}

/** A property of a node in the flow file; an older version may have saved none. */
export const textOr = (given: unknown, byDefault: string): string =>
  typeof given === 'string' && given !== '' ? given : byDefault

/**
 * The nodes that are reached from these, themselves included; those that are switched off are not.
 * @param choose which of a node's ways are followed
 */
export function reachable(
  start: readonly string[],
  configs: readonly FlowConfig[],
  choose: (config: FlowConfig, onwards: Onwards) => readonly string[],
): FlowConfig[] {
  const byId = new Map(configs.map((config) => [config.id, config]))
  const found: FlowConfig[] = []
  const toVisit = [...start]
  const seen = new Set(toVisit)
  for (let id = toVisit.pop(); id !== undefined; id = toVisit.pop()) {
    const config = byId.get(id)
    if (config === undefined || config.d === true) continue
    found.push(config)
    const { type, wires = [], links = [] } = config
    const subflow = byId.get(subflowId(config))
    const onwards: Onwards = {
      wires: wires.flat(),
      links: type === 'link out' || type === 'link call' ? links : [],
      inside: subflow?.in?.flatMap((input) => input.wires.map((wire) => wire.id)) ?? [],
    }
    for (const next of choose(config, onwards)) {
      if (seen.has(next)) continue
      seen.add(next)
      toVisit.push(next)
    }
  }
  return found
}

/** The id of the subflow that a node is an instance of; empty: it is none. */
function subflowId({ type }: FlowConfig): string {
  return type.startsWith('subflow:') ? type.slice('subflow:'.length) : ''
}
