/**
 * Finds nodes behind a source that do not fit its promise, and says so instead of letting people find out:
 *
 *  - Join makes one message out of several. All parts but one look as if the flow had ended them, and are
 *    acknowledged before the joined message is stored.
 *  - Trigger says done first and sends later: what it keeps is acknowledged before it is stored.
 *  - Batch and Sort keep messages until a group is complete. Nothing is lost, but what waits for longer than the
 *    timeout of the delivery is sent again, and its old copy is dropped.
 */
import { PipelineError } from '../../wire/errors'
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
  /** Of Trigger: what it sends later (`nul`: nothing), and after which time (negative: again and again). */
  readonly op2type?: unknown
  readonly duration?: unknown
  /** Of Sort: `seq` when it sorts messages, not the parts of one. */
  readonly targetType?: unknown
}

interface Risk {
  readonly code: string
  readonly statusText: string
  readonly sentence: (node: string) => string
}

const MERGES: Risk = {
  code: 'FLOW_MERGES',
  statusText: 'merges messages',
  sentence: (node) =>
    `the ${node} merges messages of this source: the parts are acknowledged when they are merged, before the ` +
    'merged message is stored. Put it behind Kafka, or let the source emit batches instead',
}

const SENDS_LATER: Risk = {
  code: 'FLOW_SENDS_LATER',
  statusText: 'sends later',
  sentence: (node) =>
    `the ${node} sends messages of this source after it has said that it is done with them: they are ` +
    'acknowledged before they are stored. Put it behind Kafka, or use a Delay node instead',
}

const HOLDS: Risk = {
  code: 'FLOW_HOLDS',
  statusText: 'waits for a group',
  sentence: (node) =>
    `the ${node} keeps messages of this source until a group is complete: one that waits there for longer than ` +
    'the timeout of the source is sent again. Put it after Kafka, or let the source emit batches instead',
}

const RISKS: Readonly<Record<string, (config: FlowConfig) => Risk | undefined>> = {
  join: () => MERGES,
  trigger: ({ op2type, duration }) => (op2type !== 'nul' || Number(duration) < 0 ? SENDS_LATER : undefined),
  batch: () => HOLDS,
  sort: ({ targetType }) => (targetType === 'seq' ? HOLDS : undefined),
}

const riskOf = (config: FlowConfig): Risk | undefined => RISKS[config.type]?.(config)

/** The risky nodes that messages of a source can reach, by wires and links, also inside subflows. */
export function riskyNodesBehind(sourceId: string, configs: readonly FlowConfig[]): FlowConfig[] {
  const byId = new Map(configs.map((config) => [config.id, config]))
  const source = entryOf(sourceId, configs)
  const found: FlowConfig[] = []
  // What leaves a subflow is sent on by the wires of its instance.
  const onwards = source?.instances.flatMap(({ wires }) => (wires ?? []).flat()) ?? []
  const toVisit = [source?.entry.id ?? sourceId, ...onwards]
  const seen = new Set(toVisit)
  for (let id = toVisit.pop(); id !== undefined; id = toVisit.pop()) {
    const config = byId.get(id)
    if (config === undefined || config.d === true) continue
    if (riskOf(config) !== undefined) found.push(config)
    const links = config.type === 'link out' || config.type === 'link call' ? (config.links ?? []) : []
    const subflow = byId.get(subflowId(config))
    const inside = subflow?.in?.flatMap(({ wires }) => wires.map(({ id }) => id)) ?? []
    for (const next of [...(config.wires ?? []).flat(), ...links, ...inside]) {
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

/** Says once what is wrong with the flow behind a source, and knows it as long as it is so. */
export class FlowCheck {
  private readonly said = new Set<string>()
  private current: PipelineError | undefined

  /**
   * @param configs reads the flow file
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
  check(): void {
    const problems = riskyNodesBehind(this.sourceId, this.configs()).flatMap(problemOf)
    this.current = problems[0]
    for (const problem of problems) {
      if (this.said.has(problem.message)) continue
      this.said.add(problem.message)
      this.onProblem(problem)
    }
  }
}

function problemOf(config: FlowConfig): PipelineError[] {
  const risk = riskOf(config)
  if (risk === undefined) return []
  const { type, name, id } = config
  const which = name === undefined || name === '' ? id : `"${name}"`
  const { code, statusText, sentence } = risk
  return [
    new PipelineError(code, sentence(`${type} node ${which}`), {
      retryable: true,
      statusText: `${type} node ${statusText}`,
    }),
  ]
}
