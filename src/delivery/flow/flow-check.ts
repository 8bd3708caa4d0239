/**
 * Finds nodes behind a source that do not fit its promise, and says so instead of letting people find out:
 *
 *  - Join makes one message out of several. All parts but one look as if the flow had ended them, and are
 *    acknowledged before the joined message is stored.
 *  - Trigger says done first and sends later: what it keeps is acknowledged before it is stored.
 *  - Batch and Sort keep messages until a group is complete. Nothing is lost, but what waits for longer than the
 *    timeout of the delivery is sent again, and its old copy is dropped.
 *  - Nodes that look at one message see a whole batch when the source sends batches: `per-message-nodes.ts`.
 */
import { PipelineError } from '../../wire/errors'
import { downstream, type FlowConfig } from './flow-walk'
import { nodesThatSeeBatches, type Batches, type SeesBatch } from './per-message-nodes'
import { phrase, type Phrase } from '../../status/phrase'

interface Risk {
  readonly code: string
  readonly status: 'nodeMerges' | 'nodeSendsLater' | 'nodeWaitsForGroup'
  readonly sentence: (node: string) => string
}

const MERGES: Risk = {
  code: 'FLOW_MERGES',
  status: 'nodeMerges',
  sentence: (node) =>
    `the ${node} merges messages of this source: the parts are acknowledged when they are merged, before the ` +
    'merged message is stored. Put it behind Kafka, or let the source emit batches instead',
}

const SENDS_LATER: Risk = {
  code: 'FLOW_SENDS_LATER',
  status: 'nodeSendsLater',
  sentence: (node) =>
    `the ${node} sends messages of this source after it has said that it is done with them: they are ` +
    'acknowledged before they are stored. Put it behind Kafka, or use a Delay node instead',
}

const HOLDS: Risk = {
  code: 'FLOW_HOLDS',
  status: 'nodeWaitsForGroup',
  sentence: (node) =>
    `the ${node} keeps messages of this source until a group is complete: one that waits there for longer than ` +
    'the timeout of the source is sent again. Put it after Kafka, or let the source emit batches instead',
}

const RISKS: Readonly<Record<string, (config: FlowConfig) => Risk | undefined>> = {
  join: () => MERGES,
  // `nul`: it sends nothing later; a negative time: it sends again and again.
  trigger: ({ op2type, duration }) => (op2type !== 'nul' || Number(duration) < 0 ? SENDS_LATER : undefined),
  batch: () => HOLDS,
  // Otherwise it sorts the parts of one message.
  sort: ({ targetType }) => (targetType === 'seq' ? HOLDS : undefined),
}

const riskOf = (config: FlowConfig): Risk | undefined => RISKS[config.type]?.(config)

/** The risky nodes that messages of a source can reach, by wires and links, also inside subflows. */
export function riskyNodesBehind(sourceId: string, configs: readonly FlowConfig[]): FlowConfig[] {
  return downstream(sourceId, configs).filter((config) => riskOf(config) !== undefined)
}

/** Says once what is wrong with the flow behind a source, and knows it as long as it is so. */
export class FlowCheck {
  private readonly said = new Set<string>()
  private current: PipelineError | undefined

  /**
   * @param configs reads the flow file
   * @param onProblem gets each problem the first time that it is seen
   * @param batches what the source sends; `undefined`: single messages
   */
  constructor(
    private readonly sourceId: string,
    private readonly configs: () => readonly FlowConfig[],
    private readonly onProblem: (problem: PipelineError) => void,
    private readonly batches?: Batches,
  ) {}

  get problem(): PipelineError | undefined {
    return this.current
  }

  /** Call it after each deploy. */
  check(): void {
    const { sourceId, batches } = this
    const configs = this.configs()
    const problems = riskyNodesBehind(sourceId, configs).flatMap(problemOf)
    if (batches !== undefined) {
      problems.push(...nodesThatSeeBatches(sourceId, configs, batches).map(seesBatchProblem))
    }
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
  const { code, status, sentence } = risk
  return [problem(code, sentence(nameOf(config)), phrase(status, { node: config.type }))]
}

function seesBatchProblem({ config, property }: SeesBatch): PipelineError {
  return problem(
    'FLOW_SEES_BATCH',
    `the ${nameOf(config)} works with msg.${property} of one message, but this source sends batches: the node gets a list of ` +
      'messages in msg.payload, and may drop, misroute or overwrite all of them at once. Put a tenant batch node before it, ' +
      'which splits the batch, and another one after it, which joins it again (docs/flows.md, example 13); or set the ' +
      'output of the source to single messages',
    phrase('nodeSeesBatches', { node: shownType(config) }),
  )
}

function problem(code: string, message: string, status: Phrase): PipelineError {
  return new PipelineError(code, message, { retryable: true, status })
}

/** The type as the palette shows it. */
function shownType({ type }: FlowConfig): string {
  return type === 'rbe' ? 'filter' : type
}

function nameOf(config: FlowConfig): string {
  const { name, id } = config
  return `${shownType(config)} node ${name === undefined || name === '' ? id : `"${name}"`}`
}
