import { measureLive } from '../live'
import { defineRow, type Side } from '../row'

interface LiveSide extends Side {
  readonly rate: number
}

const side = (rate: number): LiveSide => ({ name: `${rate.toLocaleString('en-US')} msg/s`, rate })

export const live = defineRow<LiveSide>({
  name: 'live',
  title: '3 Live, both legs',
  rounds: 3,
  measures:
    'Example 01 as it ships, 20 s at each rate after 5 s of warming up. From the creation of a message to the acknowledgement that Node-RED sends for it, and to the commit of its row: percentiles over all messages. No peer: none has both legs.',
  sides: [side(1000), { ...side(5000), quick: true }, side(10_000), side(20_000)],
  targets: [
    { side: '5,000 msg/s', figure: 'ackP95', atMost: 20 },
    { side: '5,000 msg/s', figure: 'rowP95', atMost: 50 },
    { side: '5,000 msg/s', figure: 'rowP99', atMost: 150 },
    { side: '5,000 msg/s', figure: 'loopP99', atMost: 30 },
  ],
  open: () =>
    Promise.resolve(({ rate }, measuring) =>
      measureLive(measuring, {
        rate,
        legs: 'both',
        warmMs: measuring.size(5_000, 2_000),
        ms: measuring.size(20_000, 4_000),
      }),
    ),
})
