import { measureLive, type Live } from '../live'
import { defineRow, type Side, type Target } from '../row'
import { startBareLoop } from '../subjects/bare-loop-process'
import type { BridgePlan } from '../subjects/bridge'
import { startNodeRed } from '../subjects/node-red'
import type { Subject } from '../subjects/subject'
import { startTelegraf, telegrafMissing } from '../subjects/telegraf'
import type { Stage } from '../stage'

interface OrdinarySide extends Side, Pick<Live, 'rate' | 'legs'> {
  readonly start?: (stage: Stage, plan: BridgePlan) => Promise<Subject>
}

const LEGS = { first: 'first leg', second: 'second leg', both: 'both legs' } as const
const nameOf = (legs: Live['legs'], rate: number): string =>
  rate === 0 ? `${LEGS[legs]}, idle` : `${LEGS[legs]}, ${rate.toLocaleString('en-US')} msg/s`
const bareLoopAt = (rate: number): string => `bare loop, ${rate.toLocaleString('en-US')} msg/s`
const ours = (legs: Live['legs'], rate: number): OrdinarySide => ({
  name: nameOf(legs, rate),
  legs,
  rate,
  ...(legs === 'first' && rate >= 100 && { reference: bareLoopAt(rate) }),
})
const QUICK = [nameOf('both', 0), nameOf('both', 1000), nameOf('first', 1000)]
const BARE = 'Node-RED without this package, idle'
const TAB = { id: 'bench-tab', type: 'tab', label: 'empty' }

const peersAt = (rate: number): OrdinarySide[] => {
  const plan = { peer: true, legs: 'first', rate } as const
  return [
    { ...plan, name: bareLoopAt(rate), ...(rate === 1000 && { quick: true }), start: (stage, it) => startBareLoop(stage, it, '4.1') }, // prettier-ignore
    { ...plan, name: `Telegraf, ${rate.toLocaleString('en-US')} msg/s`, missing: telegrafMissing, start: startTelegraf }, // prettier-ignore
  ]
}

const atMost = (
  legs: Live['legs'],
  rate: number,
  figure: Target['figure'],
  most: number,
  note?: string,
): Target => ({
  side: nameOf(legs, rate),
  figure,
  atMost: most,
  ...(note !== undefined && { note }),
})

export const ordinary = defineRow<OrdinarySide>({
  name: 'ordinary',
  title: '7 Ordinary rates',
  rounds: 3,
  measures:
    "Example 01 (both legs, or the first), or example 03 (the second leg), as they ship, 10 s at each rate, after 5 s of warming up with 1,000 messages a second or more: processor time of the process, of Kafka and of PostgreSQL, as shares of one core; PostgreSQL's transactions, and the process's requests to Kafka, a second.",
  sides: [
    {
      name: BARE,
      peer: true,
      quick: true,
      legs: 'second',
      rate: 0,
      start: (stage) => startNodeRed(stage, { flow: [TAB], bare: true }),
    },
    ...(['both', 'first', 'second'] as const).flatMap(
      (legs) =>
      [0, 10, 100, 1000].map((rate) => ({ ...ours(legs, rate), ...(QUICK.includes(nameOf(legs, rate)) && { quick: true as const }) })), // prettier-ignore
    ),
    ...[100, 1000].flatMap(peersAt),
  ],
  targets: [
    atMost('first', 1000, 'cpu', 26, 'the Go bridge'),
    atMost('first', 1000, 'ackP95', 50),
    atMost('first', 100, 'cpu', 9, 'the Go bridge'),
    atMost('first', 100, 'ackP95', 50),
    atMost('both', 1000, 'cpu', 35),
    atMost('both', 1000, 'transactions', 60),
    atMost('both', 1000, 'rowP95', 100),
    atMost('both', 100, 'cpu', 10),
    atMost('both', 100, 'transactions', 60),
    atMost('both', 100, 'rowP95', 100),
    { side: nameOf('both', 0), figure: 'rss', atMost: 35, of: { side: BARE, as: 'difference' } },
    atMost('both', 0, 'cpu', 1),
  ],
  open: () =>
    Promise.resolve(({ rate, legs, start }, measuring) =>
      measureLive(measuring, {
        rate,
        legs,
        warmMs: measuring.size(5_000, 2_000),
        ms: measuring.size(10_000, 4_000),
        ...(start && { peer: (plan) => start(measuring.stage, plan) }),
      }),
    ),
})
