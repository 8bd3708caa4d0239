/**
 * Node-RED in this process, by node-red-node-test-helper, on the Node-RED of `NODE_RED_RUNTIME` (default: the
 * development dependency). The helper knows no hooks; this adds those of the runtime it has loaded.
 */
import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { NodeAPI } from 'node-red'
import type { NodeStatus } from '../../src/runtime/host'
import { until } from './until'

/** The parts of the helper we use; it ships no types. */
interface Helper {
  init(runtimePath: string): void
  startServer(done: () => void): void
  stopServer(done: () => void): void
  load(
    modules: unknown[],
    flow: unknown[],
    credentials?: Record<string, Record<string, string>>,
  ): Promise<void>
  unload(): Promise<void>
  getNode(id: string): unknown
  setFlows(flow: readonly FlowEntry[], type?: 'full' | 'nodes' | 'flows'): Promise<void>
  request(): unknown
  /** For the flows that are loaded from now on; `{}` takes it back. */
  settings(settings: object): void
  /** What was logged since the flow was loaded. */
  log(): { readonly args: readonly unknown[][] }
}

/** An entry of a flow file. */
export interface FlowEntry {
  readonly id: string
  readonly type: string
  readonly [property: string]: unknown
}

export type NodeModule = (RED: NodeAPI) => unknown

const runtimePath = process.env.NODE_RED_RUNTIME ?? require.resolve('node-red')
/** Loads the modules that belong to this Node-RED. */
export const requireFromRuntime = createRequire(runtimePath)

/** Where the core nodes of these types are; the helper itself loads Catch, Complete and Status. */
const coreNodes: Readonly<Record<string, string>> = {
  batch: 'sequence/19-batch',
  change: 'function/15-change',
  debug: 'common/21-debug',
  delay: 'function/89-delay',
  function: 'function/10-function',
  inject: 'common/20-inject',
  join: 'sequence/17-split',
  json: 'parsers/70-JSON',
  junction: 'common/05-junction',
  'link call': 'common/60-link',
  'link in': 'common/60-link',
  'link out': 'common/60-link',
  'http request': 'network/21-httprequest',
  rbe: 'function/rbe',
  sort: 'sequence/18-sort',
  split: 'sequence/17-split',
  switch: 'function/10-switch',
  template: 'function/80-template',
  trigger: 'function/89-trigger',
  'tls-config': 'network/05-tls',
}

export const helper = createRequire(__filename)('node-red-node-test-helper') as Helper

export async function startRuntime(): Promise<void> {
  helper.init(runtimePath)
  await new Promise<void>((resolve) => helper.startServer(resolve))
}

export async function stopRuntime(): Promise<void> {
  await new Promise<void>((resolve) => helper.stopServer(resolve))
}

interface LoggingSpy {
  getCalls(): { readonly thisValue: { readonly id: string }; readonly args: readonly [{ code?: unknown }] }[]
}
const LEVELS = ['error', 'warn', 'log', 'debug'] as const

/**
 * The codes of what a node has logged since the flow was loaded, before and after deploys. Of what the node has said: a Debug
 * node writes into the entries of the log.
 */
export function loggedCodes(id: string): string[] {
  // The helper's spies are those of all nodes.
  const node = helper.getNode(id) as Record<(typeof LEVELS)[number], LoggingSpy>
  return LEVELS.flatMap((level) => node[level].getCalls())
    .filter(({ thisValue }) => thisValue.id === id)
    .flatMap(({ args: [entry] }) => (typeof entry?.code === 'string' ? [entry.code] : []))
}

/** Resolves when this node has logged an event of that code. */
export function untilLogged(id: string, code: string): Promise<void> {
  return until(
    () => `${id} logs ${code}, not only ${loggedCodes(id).join(' ')}`,
    () => loggedCodes(id).includes(code),
  )
}

/** Deploys a changed flow. Resolves when it runs, however long that takes: the helper itself waits for 300 ms. */
export async function deploy(flow: readonly FlowEntry[], type: 'full' | 'nodes' | 'flows'): Promise<void> {
  const { events } = requireFromRuntime('@node-red/util') as { events: NodeJS.EventEmitter }
  const started = once(events, 'flows:started')
  const taken = helper.setFlows(placed(flow), type).catch((error: unknown) => {
    if ((error as Error).message !== 'timeout waiting event') throw error
  })
  await Promise.all([taken, started])
}

/** Node-RED takes an entry without coordinates for a config node. */
function placed(flow: readonly FlowEntry[]): FlowEntry[] {
  return flow.map((entry) => (entry.wires === undefined ? entry : { x: 100, y: 100, ...entry }))
}

/** Loads node modules and starts a flow of them and of core nodes. */
export async function loadFlow(
  modules: NodeModule[],
  flow: readonly FlowEntry[],
  credentials: Record<string, Record<string, string>> = {},
): Promise<void> {
  const { hooks } = requireFromRuntime('@node-red/util') as { hooks: unknown }
  const files = new Set(flow.map((entry) => coreNodes[entry.type]).filter((file) => file !== undefined))
  const core = [...files].map((file) => requireFromRuntime(`@node-red/nodes/core/${file}`) as NodeModule)
  const withHooks = [...core, ...modules].map(
    (module) => (RED: NodeAPI) => module(Object.assign(RED, { hooks })),
  )
  await helper.load(withHooks, placed(flow), credentials)
}

/** The newest status of a node; the helper's spy sees those of all nodes. */
export function statusText(id: string): string {
  const node = helper.getNode(id) as {
    readonly status: { getCalls(): { readonly thisValue: unknown; readonly args: [NodeStatus] }[] }
  }
  const calls = node.status.getCalls().filter(({ thisValue }) => thisValue === node)
  return calls.at(-1)?.args[0].text ?? ''
}
