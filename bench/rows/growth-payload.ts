import { drainQueue, firstLeg } from '../first-leg'
import { defineRow, type Side } from '../row'
import { startNodeRed } from '../subjects/node-red'

interface PayloadSide extends Side {
  readonly payloadBytes: number
}

const ALL_BYTES = 300e6

export const growthPayload = defineRow<PayloadSide>({
  name: 'growth-payload',
  title: '4 Payload',
  rounds: 3,
  measures:
    '150,000 queued messages of 100 B to 100 kB, fewer of the large ones (300 MB in total at most); first leg in batches, Node-RED 5.',
  reference: ['100 B'],
  sides: [
    { name: '100 B', payloadBytes: 100 },
    { name: '1 kB', payloadBytes: 1000 },
    { name: '10 kB', payloadBytes: 10_000 },
    { name: '100 kB', payloadBytes: 100_000, quick: true },
  ],
  targets: [],
  open: () =>
    Promise.resolve(({ payloadBytes }, measuring) =>
      drainQueue(measuring, {
        messages: Math.min(
          measuring.size(150_000, 20_000),
          Math.floor(measuring.size(ALL_BYTES, 60e6) / payloadBytes),
        ),
        payloadBytes,
        start: ({ mqtt, topic }) =>
          startNodeRed(measuring.stage, {
            mqtt,
            version: '5',
            flow: firstLeg(topic, { 'tenant-mqtt-source': { mode: 'batch' } }),
          }),
      }),
    ),
})
