/** Small flows between a source and a sink that keep the delivery contract, for the tests in `test/flow/`. */
import { PipelineError } from '../../src/wire/errors'
import { deliveryNodes, type TestSink, type TestSource } from './delivery-nodes'
import { helper, loadFlow, type FlowEntry } from './runtime'

export const tab: FlowEntry = { id: 'tab', type: 'tab', label: 'test' }
export const permanent = new PipelineError('NEVER', 'cannot be stored', { retryable: false })

export const source = (...wires: string[]): FlowEntry => node('source', 'test-source', {}, wires)
export const sink = (id = 'sink'): FlowEntry => node(id, 'test-sink', {})

export function node(id: string, type: string, more: object, ...wires: string[][]): FlowEntry {
  return { id, type, z: 'tab', wires, ...more }
}

export function func(id: string, body: string, ...wires: string[][]): FlowEntry {
  return node(id, 'function', { func: body, outputs: wires.length, libs: [] }, ...wires)
}

/** A Catch node for all nodes of the tab. */
export const catchAll = (...wires: string[]): FlowEntry => node('catch', 'catch', { scope: null }, wires)

/** A subflow of one inner node, and its instance `n`. */
export function subflow(inner: FlowEntry, ...wires: string[][]): FlowEntry[] {
  const port = { id: inner.id, port: 0 }
  return [
    { id: 'sub', type: 'subflow', name: 's', in: [{ wires: [{ id: inner.id }] }], out: [{ wires: [port] }] },
    { ...inner, z: 'sub', wires: [[]] },
    node('n', 'subflow:sub', {}, ...wires),
  ]
}

export interface RunningFlow {
  readonly source: TestSource
  /** The running sink of that id: another object after a deploy that has replaced it. */
  readonly sinkOf: (id?: string) => TestSink
}

export async function run(...flow: FlowEntry[]): Promise<RunningFlow> {
  await loadFlow([deliveryNodes], [tab, ...flow])
  return {
    source: helper.getNode('source') as TestSource,
    sinkOf: (id = 'sink') => helper.getNode(id) as TestSink,
  }
}

/** Lets a few turns of the event loop pass, for what must not happen in them. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}
