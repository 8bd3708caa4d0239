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

/** Where a flow, its credentials and its environment are: Node-RED, or the files of the command line. */
export interface FlowHost {
  readonly nodes: AdminHost['nodes'] & { getCredentials(id: string): unknown }
  readonly util: TlsRuntime['util']
}

/** What is used of Node-RED's `RED`. */
interface TestHost extends FlowHost {
  readonly httpAdmin: AdminHost['httpAdmin']
  readonly auth: AdminHost['auth']
}

/** What the dialog shows of a configuration node. */
interface Question {
  readonly values: Readonly<Record<string, unknown>>
  readonly credentials: Readonly<Record<string, unknown>>
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

/** What a test finds, of a configuration as a dialog shows it or as the flow file has it. Never rejects. */
export async function checksOf(
  host: FlowHost,
  route: TestRoute,
  id: string,
  question: Question,
): Promise<readonly Check[]> {
  const given = question.values
  const { config, environment, isSaved, flow } = completeConfig(host, route, id, question)
  const checks = new Checks(ROUTE_CHECKS)
  if (config.withheld.length > 0) {
    checks.add(isSaved ? 'withheld' : 'notDeployed', { properties: config.withheld.join(', ') })
    return checks.list
  }
  try {
    const tls = tlsSettings(host, textOf(config.values['tls']), { note: () => undefined })
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

interface CompleteConfig {
  readonly config: DialogConfig
  readonly environment: (name: string) => unknown
  readonly flow: readonly FlowEntry[]
  /** The flow file has the node. */
  readonly isSaved: boolean
}

/** The configuration with saved passwords and the values of environment variables, where they may be used. */
export function completeConfig(
  { nodes, util }: FlowHost,
  route: Destination & { readonly type: string },
  id: string,
  question: Question,
): CompleteConfig {
  const flow: FlowEntry[] = []
  nodes.eachNode((entry) => flow.push(entry))
  const [node] = runningNodes<object>(nodes, id, route.type)
  const entry = flow.find((each) => each.id === id && each.type === route.type)
  const saved: SavedConfig | undefined = entry && {
    values: { ...entry },
    credentials: objectOf(nodes.getCredentials(id)),
  }
  const environment = (name: string): unknown => util.getSetting(node ?? {}, name)
  const config = dialogConfig(question, saved, route, environment)
  return { config, environment, flow, isSaved: saved !== undefined }
}

function objectOf(given: unknown): Readonly<Record<string, unknown>> {
  return typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {}
}

const textOf = (given: unknown): string => (typeof given === 'string' ? given : '')
