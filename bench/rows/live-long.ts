import { measureLive } from '../live'
import { defineRow, type Side } from '../row'

const SIDE = '20,000 msg/s for 10 minutes'

export const liveLong = defineRow<Side>({
  name: 'live-long',
  title: '3 Live, ten minutes',
  measures:
    'As above, at 20,000 msg/s: whether the lag at the end and the memory are steady after the first minute. Once; left out by `--quick`.',
  rounds: 1,
  sides: [{ name: SIDE }],
  targets: [
    { side: SIDE, figure: 'lag', atMost: 20_000, note: 'one second' },
    { side: SIDE, figure: 'rssGrowth', atMost: 100 },
  ],
  limitMs: 16 * 60_000,
  open: () =>
    Promise.resolve((_side, measuring) =>
      measureLive(measuring, { rate: 20_000, legs: 'both', warmMs: 60_000, ms: 540_000 }),
    ),
})
