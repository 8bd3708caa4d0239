import { defineRow, type Side } from '../row'
import { drainAndDrop, fillTopic } from '../second-leg'

interface ProcessesSide extends Side {
  readonly processes: number
}

export const growthProcesses = defineRow<ProcessesSide>({
  name: 'growth-processes',
  title: '4 Processes',
  rounds: 3,
  measures:
    '500,000 records in six partitions; second leg, default table, one Node-RED 5 or two in one group. Memory is of all together.',
  reference: ['1 process'],
  sides: [
    { name: '1 process', processes: 1 },
    { name: '2 processes', processes: 2 },
  ],
  targets: [],
  open: async (measuring) => {
    const records = measuring.size(500_000, 60_000)
    const topic = await fillTopic(measuring, { records, partitions: 6 })
    return ({ processes }, now) => drainAndDrop(now, { topic, records, processes, version: '5' })
  },
})
