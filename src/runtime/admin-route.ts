/**
 * A question that a dialog puts to a node as it is deployed: POST, with the permission that the editor has, by the id
 * of the node, never by an address. Answers and refusals are JSON, `{ message }` for a refusal, without secrets.
 */
import { PipelineError } from './errors'

/** What is used of Node-RED's `RED`. */
export interface AdminHost {
  readonly httpAdmin: { post(path: string, ...handlers: unknown[]): unknown }
  readonly auth: { needsPermission(permission: string): unknown }
  readonly nodes: { getNode(id: string): unknown }
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
  readonly answer: (node: N, body: Readonly<Record<string, unknown>>) => Promise<object>
}

export function addAdminRoute<N>(host: object, { type, action, permission, answer }: AdminRoute<N>): void {
  const { httpAdmin, auth, nodes } = host as AdminHost
  const handle = async ({ params, body }: Request, response: Response): Promise<void> => {
    try {
      const node = nodes.getNode(params.id) as { type?: string } | null
      if (node?.type !== type) throw notDeployed()
      const given = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
      response.status(200).json(await answer(node as N, given))
    } catch (thrown) {
      // The text of a foreign error may hold anything.
      const message =
        thrown instanceof PipelineError ? thrown.message : 'this failed for an unforeseen reason'
      const code = thrown instanceof PipelineError ? thrown.code : 'UNEXPECTED'
      response.status(code === 'NOT_DEPLOYED' ? 404 : 409).json({ code, message })
    }
  }
  httpAdmin.post(`/${type}/:id/${action}`, auth.needsPermission(`${type}.${permission}`), handle)
}

function notDeployed(): PipelineError {
  return new PipelineError('NOT_DEPLOYED', 'this node is not deployed yet: deploy it, then ask again', {
    retryable: false,
  })
}
