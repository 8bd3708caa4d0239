import { defineRow, type Side } from '../row'
import { drainAndDrop, topicsOnDemand } from '../second-leg'

interface BusySide extends Side {
  readonly busy: number
}

export const busyPartition = defineRow<BusySide>({
  name: 'busy-partition',
  title: '5 One busy partition',
  rounds: 3,
  measures:
    '300,000 records evenly in six partitions, or all in one of six while the others are idle; second leg, default table, Node-RED 5.',
  reference: ['all six busy'],
  sides: [
    { name: 'all six busy', busy: 6 },
    { name: 'one of six busy', busy: 1 },
  ],
  targets: [
    { side: 'one of six busy', figure: 'rate', atLeast: 0.6, of: { side: 'all six busy', as: 'ratio' } },
  ],
  open: (measuring) => {
    const records = measuring.size(300_000, 60_000)
    const topicWith = topicsOnDemand()
    return Promise.resolve(async ({ busy }, now) =>
      drainAndDrop(now, {
        topic: await topicWith(now, { records, partitions: 6, busy }),
        records,
        version: '5',
      }),
    )
  },
})
