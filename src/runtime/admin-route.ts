/**
 * A question that a dialog puts to a node as it is deployed: POST, with the permission that the editor has, by the id
 * of the node, never by an address. Answers and refusals are JSON, `{ message }` for a refusal, without secrets.
 */
import { PipelineError } from '../wire/errors'
import { runtimeIds, type FlowEntry } from './subflows'

/** What is used of Node-RED's `RED`. */
export interface AdminHost {
  readonly httpAdmin: { post(path: string, ...handlers: unknown[]): unknown }
  readonly auth: { needsPermission(permission: string): unknown }
  readonly nodes: { getNode(id: string): unknown; eachNode(callback: (entry: FlowEntry) => void): void }
}

interface Request {
  readonly params: { readonly id: string }
  readonly body?: unknown
}
interface Response {
  status(code: number): { json(answer: object): unknown }
}

export interface AdminRoute<N> {
  /** The type of the node, which is also the beginning of the path and of the permission. */
  readonly type: string
  /** The end of the path. */
  readonly action: string
  readonly permission: 'read' | 'write'
  /** @throws PipelineError, whose message the dialog shows */
  readonly answer: (node: N, body: Readonly<Record<string, unknown>>) => Promise<object> | object
  /** Answers for a node that is not deployed, from what the dialog shows alone. */
  readonly answerUndeployed?: (body: Readonly<Record<string, unknown>>) => Promise<object> | object
}

/** By the code of a refusal; 409 for all others. */
const STATUSES: Readonly<Record<string, number>> = { NOT_DEPLOYED: 404, UNEXPECTED: 500 }

export function addAdminRoute<N>(host: object, route: AdminRoute<N>): void {
  const { type, action, permission, answer, answerUndeployed = notDeployedAnswer } = route
  const { httpAdmin, auth, nodes } = host as AdminHost
  const handle = async ({ params, body }: Request, response: Response): Promise<void> => {
    try {
      const running = runningNodes<N>(nodes, params.id, type)
      const given = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
      const isDeployed = running.length > 0
      const answered = isDeployed
        ? await answerOfAll(running, (node) => answer(node, given))
        : await answerUndeployed(given)
      response.status(200).json(answered)
    } catch (thrown) {
      // The text of a foreign error may hold anything.
      const message =
        thrown instanceof PipelineError ? thrown.message : 'this failed for an unforeseen reason'
      const code = thrown instanceof PipelineError ? thrown.code : 'UNEXPECTED'
      response.status(STATUSES[code] ?? 409).json({ code, message })
    }
  }
  httpAdmin.post(`/${type}/:id/${action}`, auth.needsPermission(`${type}.${permission}`), handle)
}

const notDeployedAnswer = (): never => {
  throw notDeployed()
}

/** The node that the dialog shows; inside a subflow it runs once for each instance. */
export function runningNodes<N>(nodes: AdminHost['nodes'], id: string, type: string): N[] {
  const isMeant = (node: unknown): boolean => (node as { type?: string } | null)?.type === type
  const node = nodes.getNode(id)
  if (isMeant(node)) return [node as N]
  const entries: FlowEntry[] = []
  nodes.eachNode((entry) => entries.push(entry))
  const running = runtimeIds(id, entries).map((each) => nodes.getNode(each))
  return running.filter(isMeant) as N[]
}

/** What one of several answers is the answer; their lists are put together. */
async function answerOfAll<N>(
  nodes: readonly N[],
  answer: (node: N) => Promise<object> | object,
): Promise<object> {
  const results = await Promise.allSettled(nodes.map(async (node) => answer(node)))
  const answers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const failed = results.find((result) => result.status === 'rejected')
  if (answers.length === 0) throw failed?.reason
  const [first = {}, ...others] = answers
  return others.reduce<object>(joined, first)
}

function joined(one: object, other: object): object {
  const result: Record<string, unknown> = { ...one }
  for (const [name, value] of Object.entries(other) as [string, unknown][]) {
    const before = result[name]
    if (Array.isArray(before) && Array.isArray(value)) result[name] = before.concat(value)
    else result[name] ??= value
  }
  return result
}

function notDeployed(): PipelineError {
  return new PipelineError('NOT_DEPLOYED', 'this node is not deployed yet: deploy it, then ask again', {
    retryable: false,
  })
}
