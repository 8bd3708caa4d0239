import { defineRow, type Side } from '../row'
import { runOnce } from '../subjects/run-once'
import type { TrackingPlan, TrackingTimes } from '../subjects/tracking'

interface TrackingSide extends Side {
  readonly hops: number
  readonly tracked: boolean
}

const MB = 2 ** 20
const nameOf = (hops: number, tracked: boolean): string =>
  `${hops} nodes between, ${tracked ? 'tracked' : 'not tracked'}`
const side = (hops: number, tracked: boolean): TrackingSide => ({
  name: nameOf(hops, tracked),
  reference: nameOf(hops, false),
  hops,
  tracked,
})

export const tracking = defineRow<TrackingSide>({
  name: 'tracking',
  title: '6 The cost of safety',
  rounds: 3,
  measures:
    "100,000 messages through Node-RED's own wires, from a source to a sink with 0, 1 or 3 nodes in between, the same flow with and without tracking of deliveries; nothing is stored. Node-RED 4.1 in a process of its own.",
  compared: 'cpuEach',
  sides: [
    side(0, false),
    side(0, true),
    side(1, false),
    side(1, true),
    { ...side(3, false), quick: true },
    { ...side(3, true), quick: true },
  ],
  targets: [],
  open: () =>
    Promise.resolve(async ({ hops, tracked }, measuring) => {
      const messages = measuring.size(100_000, 50_000)
      const plan: TrackingPlan = { messages, hops, tracked }
      const { seconds, cpuMicros, rss } = await runOnce<TrackingTimes>('tracking.ts', plan, measuring.signal)
      return { rate: messages / seconds, cpuEach: cpuMicros / messages, rss: rss / MB }
    }),
})
