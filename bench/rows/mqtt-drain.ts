import { drainQueue, firstLeg } from '../first-leg'
import { defineRow, type Side } from '../row'
import { startBareLoop } from '../subjects/bare-loop-process'
import type { BridgePlan } from '../subjects/bridge'
import { startNodeRed } from '../subjects/node-red'
import type { Subject } from '../subjects/subject'
import { startTelegraf, telegrafMissing } from '../subjects/telegraf'
import type { NodeRedVersion } from '../../dev/node-red/runtime'
import type { Stage } from '../stage'

interface DrainSide extends Side {
  readonly start: (stage: Stage, plan: BridgePlan) => Promise<Subject>
}

const BARE = 'bare loop, Node.js 24'

const ours =
  (mode: 'batch' | 'message', version: NodeRedVersion): DrainSide['start'] =>
  (stage, { mqtt, topic }) =>
    startNodeRed(stage, { mqtt, version, flow: firstLeg(topic, { 'tenant-mqtt-source': { mode } }) })

export const mqttDrain = defineRow<DrainSide>({
  name: 'mqtt-drain',
  title: '1 MQTT → Kafka, drain',
  measures:
    'Mosquitto has 200,000 messages of 300 B queued (QoS 1); acks=all, one broker, six partitions, Snappy. Example 01 with a batch or one message on the wires, on Node-RED 4.1 and on Node-RED 5 with Node.js 24.',
  reference: ['Telegraf', BARE],
  sides: [
    { name: 'batch, Node-RED 5', quick: true, start: ours('batch', '5') },
    { name: 'message, Node-RED 5', quick: true, start: ours('message', '5') },
    { name: 'batch, Node-RED 4.1', start: ours('batch', '4.1') },
    { name: 'message, Node-RED 4.1', start: ours('message', '4.1') },
    {
      name: BARE,
      peer: true,
      quick: true,
      start: (stage, plan) => startBareLoop(stage, plan, '5'),
    },
    { name: 'Telegraf', peer: true, quick: true, missing: telegrafMissing, start: startTelegraf },
  ],
  targets: [
    { side: 'batch, Node-RED 5', figure: 'rate', atLeast: 1.25, of: { side: 'Telegraf', as: 'ratio' } },
    { side: 'batch, Node-RED 5', figure: 'cpuEach', atMost: 12 },
    { side: 'batch, Node-RED 5', figure: 'rss', atMost: 200 },
    { side: 'message, Node-RED 5', figure: 'rate', atLeast: 0.85, of: { side: 'Telegraf', as: 'ratio' } },
    { side: 'message, Node-RED 5', figure: 'cpuEach', atMost: 20 },
    { side: 'message, Node-RED 4.1', figure: 'rate', atLeast: 0.6, of: { side: 'Telegraf', as: 'ratio' } },
  ],
  open: () =>
    Promise.resolve(({ start }, measuring) =>
      drainQueue(measuring, {
        messages: measuring.size(200_000, 40_000),
        start: (plan) => start(measuring.stage, plan),
      }),
    ),
})
