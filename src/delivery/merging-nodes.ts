/**
 * Finds nodes behind a source that merge several messages into one (Join, Batch). They break the chain from a
 * stored record back to its messages: all parts but one look as if the flow had ended them, and are acknowledged
 * before the merged message is stored. The source says so instead of letting people find out.
 */
import { PipelineError } from '../runtime/errors'

/** An entry of the flow file, as `RED.nodes.eachNode` hands it out. */
export interface FlowConfig {
  readonly id: string
  readonly type: string
  readonly name?: string
  /** Switched off. */
  readonly d?: boolean
  readonly wires?: readonly (readonly string[])[]
  /** Of Link out and Link call: the Link in nodes that they lead to. */
  readonly links?: readonly string[]
}

const MERGING_TYPES = new Set(['join', 'batch'])

/** The merging nodes that messages of a source can reach, by wires and links; subflows are not looked into. */
export function mergingNodesBehind(sourceId: string, configs: readonly FlowConfig[]): FlowConfig[] {
  const byId = new Map(configs.map((config) => [config.id, config]))
  const seen = new Set([sourceId])
  const found: FlowConfig[] = []
  const toVisit = [sourceId]
  for (let id = toVisit.pop(); id !== undefined; id = toVisit.pop()) {
    const config = byId.get(id)
    if (config === undefined || config.d === true) continue
    if (MERGING_TYPES.has(config.type)) found.push(config)
    const links = config.type === 'link out' || config.type === 'link call' ? (config.links ?? []) : []
    for (const next of [...(config.wires ?? []).flat(), ...links]) {
      if (seen.has(next)) continue
      seen.add(next)
      toVisit.push(next)
    }
  }
  return found
}

/** Says once what is wrong with the flow behind a source, and knows it as long as it is so. */
export class FlowCheck {
  private readonly said = new Set<string>()
  private current: PipelineError | undefined

  /**
   * @param configs   reads the flow file
   * @param onProblem gets each problem the first time that it is seen
   */
  constructor(
    private readonly sourceId: string,
    private readonly configs: () => readonly FlowConfig[],
    private readonly onProblem: (problem: PipelineError) => void,
  ) {}

  get problem(): PipelineError | undefined {
    return this.current
  }

  /** Call it after each deploy. */
  look(): void {
    const problems = mergingNodesBehind(this.sourceId, this.configs()).map(mergesMessages)
    this.current = problems[0]
    for (const problem of problems) {
      if (this.said.has(problem.message)) continue
      this.said.add(problem.message)
      this.onProblem(problem)
    }
  }
}

function mergesMessages({ type, name, id }: FlowConfig): PipelineError {
  const which = name === undefined || name === '' ? id : `"${name}"`
  return new PipelineError(
    'FLOW_MERGES',
    `the ${type} node ${which} merges messages of this source: the parts are acknowledged when they are merged, ` +
      'before the merged message is stored. Put it behind Kafka, or let the source emit batches instead',
    { retryable: true, statusText: `${type} node merges messages` },
  )
}
