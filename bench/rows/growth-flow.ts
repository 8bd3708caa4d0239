import type { FlowEntry } from '../../dev/node-red'
import { drainQueue, firstLeg } from '../first-leg'
import { defineRow, type Side } from '../row'
import { startNodeRed } from '../subjects/node-red'

interface FlowSide extends Side {
  readonly others: number
}

const ONE_BY_ONE = { 'tenant-mqtt-source': { mode: 'message' } }
const side = (others: number): FlowSide => ({ name: `${others.toLocaleString('en-US')} other nodes`, others })

export const growthFlow = defineRow<FlowSide>({
  name: 'growth-flow',
  title: '4 Nodes in the flow file',
  rounds: 3,
  measures:
    '150,000 queued messages, one message on the wires, with 10 or 2,000 other nodes in the flow file and a disabled Debug node wired to the source; first leg, Node-RED 5.',
  compared: 'cpuEach',
  reference: ['10 other nodes'],
  sides: [side(10), side(2000)],
  targets: [
    {
      side: '2,000 other nodes',
      figure: 'cpuEach',
      atMost: 1.05,
      of: { side: '10 other nodes', as: 'ratio' },
    },
  ],
  open: () =>
    Promise.resolve(({ others }, measuring) =>
      drainQueue(measuring, {
        messages: measuring.size(150_000, 30_000),
        start: ({ mqtt, topic }) =>
          startNodeRed(measuring.stage, {
            mqtt,
            version: '5',
            flow: withOthers(firstLeg(topic, ONE_BY_ONE), others),
          }),
      }),
    ),
})

/** A Debug node that is disabled, beside what the source is wired to, and Change nodes that no wire leads to. */
function withOthers(flow: readonly FlowEntry[], count: number): FlowEntry[] {
  const debug = { id: 'bench-debug', type: 'debug', d: true, wires: [] }
  const others = Array.from({ length: count }, (_, n) => ({
    id: `bench-other-${n}`,
    type: 'change',
    rules: [],
    wires: [[]],
  }))
  const tab = flow.find(({ type }) => type === 'tab')?.id
  const wired = flow.map((entry) => {
    if (entry.type !== 'tenant-mqtt-source') return entry
    const [first = [], ...rest] = entry['wires'] as string[][]
    return { ...entry, wires: [[...first, debug.id], ...rest] }
  })
  return [...wired, ...[debug, ...others].map((entry) => ({ ...entry, z: tab, x: 100, y: 600 }))]
}
