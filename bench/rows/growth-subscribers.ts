import { drainQueue, firstLeg, SHARED_FILTER } from '../first-leg'
import { defineRow, type Side } from '../row'
import { startNodeRed } from '../subjects/node-red'
import { together } from '../subjects/subject'

interface SubscribersSide extends Side {
  readonly processes: number
}

export const growthSubscribers = defineRow<SubscribersSide>({
  name: 'growth-subscribers',
  title: '4 Subscribers',
  rounds: 3,
  measures:
    'Mosquitto has 400,000 messages of 300 B queued for a shared subscription; first leg with batches on the wires, one Node-RED 5 or two. Memory is of all together.',
  reference: ['1 process'],
  sides: [
    { name: '1 process', processes: 1 },
    { name: '2 processes', processes: 2 },
  ],
  targets: [],
  open: () =>
    Promise.resolve(({ processes }, measuring) => {
      const clientIds = Array.from({ length: processes }, (_, n) => `bench-${n}`)
      return drainQueue(measuring, {
        messages: measuring.size(400_000, 40_000),
        sharedBy: clientIds,
        // Started together: each has a queue of its own to drain.
        start: async ({ mqtt, topic }) => {
          const source = { mode: 'batch', topic: SHARED_FILTER }
          const started = clientIds.map((clientId) => {
            const flow = firstLeg(topic, { 'tenant-mqtt-source': source }, clientId)
            return startNodeRed(measuring.stage, { mqtt, version: '5', flow })
          })
          return together(await Promise.all(started))
        },
      })
    }),
})
