import { defineRow, type Side } from '../row'
import { drainAndDrop, topicsOnDemand } from '../second-leg'

interface PartitionsSide extends Side {
  readonly partitions: number
}

const side = (partitions: number): PartitionsSide => ({
  name: `${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`,
  partitions,
})

export const growthPartitions = defineRow<PartitionsSide>({
  name: 'growth-partitions',
  title: '4 Partitions',
  rounds: 3,
  measures: '300,000 records in 1 to 64 partitions; second leg, default table, Node-RED 5.',
  reference: ['6 partitions'],
  sides: [side(1), side(6), { ...side(64), quick: true }],
  targets: [],
  open: (measuring) => {
    const records = measuring.size(300_000, 60_000)
    const topicWith = topicsOnDemand()
    return Promise.resolve(async ({ partitions }, now) =>
      drainAndDrop(now, { topic: await topicWith(now, { records, partitions }), records, version: '5' }),
    )
  },
})
