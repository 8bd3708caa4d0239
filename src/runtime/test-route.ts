/**
 * The button *Test connection* of a configuration node: POST `<type>/<id>/test` with what the dialog shows now, also for
 * a node that is not deployed. The answer is a list of checks, after 5 s at the latest.
 */
import type { ConnectionOptions } from 'node:tls'
import { tlsSettings, type TlsRuntime } from '../config/tls-settings'
import { PipelineError } from '../wire/errors'
import { runningNodes, type AdminHost } from './admin-route'
import { Checks, type Check } from './checks'
import { ROUTE_CHECKS } from './common-checks'
import { dialogConfig, type Destination, type DialogConfig, type SavedConfig } from './dialog-config'
import type { FlowEntry } from './subflows'

/** What is used of Node-RED's `RED`. */
interface TestHost {
  readonly httpAdmin: AdminHost['httpAdmin']
  readonly auth: AdminHost['auth']
  readonly nodes: AdminHost['nodes'] & { getCredentials(id: string): unknown }
  readonly util: TlsRuntime['util']
}

export interface TestedConfig extends Pick<DialogConfig, 'values' | 'credentials'> {
  /** As the dialog has them: what may be shown. */
  readonly given: Readonly<Record<string, unknown>>
  readonly tls: ConnectionOptions | undefined
  readonly environment: (name: string) => unknown
  /** The flow as it is deployed. */
  readonly flow: readonly FlowEntry[]
  /** The id of the configuration node in the flow file. */
  readonly id: string
}

export interface TestRoute extends Destination {
  readonly type: string
  /** @throws PipelineError when the values of the dialog cannot be used */
  readonly test: (config: TestedConfig) => Promise<readonly Check[]> | readonly Check[]
}

interface Request {
  readonly params: { readonly id: string }
  readonly body?: { readonly values?: unknown; readonly credentials?: unknown }
}
interface Response {
  status(code: number): { json(answer: object): unknown }
}

export function addTestRoute(host: object, route: TestRoute): void {
  const RED = host as TestHost
  const { type } = route
  const running = new Set<string>()
  const handle = async ({ params: { id }, body }: Request, response: Response): Promise<void> => {
    if (running.has(id)) {
      response.status(409).json({ code: 'BUSY', message: 'a test of this node is running already' })
      return
    }
    running.add(id)
    const question = { values: objectOf(body?.values), credentials: objectOf(body?.credentials) }
    try {
      response.status(200).json({ checks: await checksOf(RED, route, id, question) })
    } finally {
      running.delete(id)
    }
  }
  RED.httpAdmin.post(`/${type}/:id/test`, RED.auth.needsPermission(`${type}.write`), handle)
}

async function checksOf(
  RED: TestHost,
  route: TestRoute,
  id: string,
  question: { readonly values: object; readonly credentials: object },
): Promise<readonly Check[]> {
  const given = question.values as Readonly<Record<string, unknown>>
  const flow: FlowEntry[] = []
  RED.nodes.eachNode((entry) => flow.push(entry))
  const [node] = runningNodes<object>(RED.nodes, id, route.type)
  const saved = savedConfig(RED, flow, id, route.type)
  const environment = (name: string): unknown => RED.util.getSetting(node ?? {}, name)
  const config = dialogConfig(
    { values: given, credentials: question.credentials as DialogConfig['credentials'] },
    saved,
    route,
    environment,
  )
  const checks = new Checks(ROUTE_CHECKS)
  if (config.withheld.length > 0) {
    checks.add(saved === undefined ? 'notDeployed' : 'withheld', { properties: config.withheld.join(', ') })
    return checks.list
  }
  try {
    const tls = tlsSettings(RED, textOf(config.values['tls']), { note: () => undefined })
    const options = tls?.options()
    tls?.close()
    return await route.test({ ...config, given, tls: options, environment, flow, id })
  } catch (thrown) {
    // The text of a foreign error may hold anything, and that of ours quotes what it refuses.
    if (!(thrown instanceof PipelineError)) checks.add('unforeseen')
    else checks.add('invalid', { reason: config.hasVariables ? thrown.statusText : thrown.message })
    return checks.list
  }
}

function savedConfig(
  RED: TestHost,
  flow: readonly FlowEntry[],
  id: string,
  type: string,
): SavedConfig | undefined {
  const entry = flow.find((each) => each.id === id && each.type === type)
  if (entry === undefined) return undefined
  return { values: { ...entry }, credentials: objectOf(RED.nodes.getCredentials(id)) }
}

function objectOf(given: unknown): Readonly<Record<string, unknown>> {
  return typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {}
}

const textOf = (given: unknown): string => (typeof given === 'string' ? given : '')
