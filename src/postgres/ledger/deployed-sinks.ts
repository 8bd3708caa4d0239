/** The sinks that are deployed now, by the names that they have in the ledger. */
import { PipelineError } from '../../wire/errors'

export class DeployedSinks {
  /** By name: what is written to, and the nodes that have the name. */
  private readonly sinks = new Map<string, { readonly target: string; readonly nodes: Set<string> }>()

  /**
   * Copies of a flow share a name.
   * @returns the function that gives the name back
   * @throws PipelineError `CONFIG_INVALID` when a sink that writes elsewhere has the name
   */
  register(name: string, nodeId: string, target = name): () => void {
    const sink = this.sinks.get(name) ?? { target, nodes: new Set() }
    if (sink.target !== target) {
      throw new PipelineError(
        'CONFIG_INVALID',
        `two sinks have the name "${name}" in the ledger, and one writes to ${sink.target}, the other to ${target}; ` +
          'each table needs a "Name in ledger" of its own',
        { retryable: false, status: 'ledgerNameTwice' },
      )
    }
    sink.nodes.add(nodeId)
    this.sinks.set(name, sink)
    return () => {
      sink.nodes.delete(nodeId)
      if (sink.nodes.size === 0 && this.sinks.get(name) === sink) this.sinks.delete(name)
    }
  }

  get names(): string[] {
    return [...this.sinks.keys()]
  }

  /** The name of each sink, followed by the ids of its nodes: older versions called a sink by its id. */
  get allNames(): readonly (readonly [name: string, ...nodeIds: string[]])[] {
    return [...this.sinks].map(([name, { nodes }]) => [name, ...nodes] as const)
  }
}
