/** Ours: a real Node-RED with a flow, and a probe in its process. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { NodeRed, type FlowEntry } from '../../dev/node-red'
import { runtimeFor, type NodeRedVersion } from '../../dev/node-red/runtime'
import { freePort } from '../../dev/services/free-port'
import { run } from '../../dev/services/run'
import type { Stage } from '../stage'
import type { Subject } from './subject'

export interface NodeRedPlan {
  readonly flow: readonly FlowEntry[]
  /** Default 4.1, on the Node.js that runs the benchmark. */
  readonly version?: NodeRedVersion
  readonly mqtt?: string
  readonly database?: string
  /** More variables of its environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Without our package. */
  readonly bare?: true
}

/** Where nothing listens: for the leg that is not measured. */
const NO_MQTT = 'mqtt://127.0.0.1:1'
const NO_DATABASE = 'postgres://127.0.0.1:1/none'

export async function startNodeRed(stage: Stage, plan: NodeRedPlan): Promise<Subject> {
  const { service } = await stage.kafka()
  const probe = (await stage.probes()).add(service.address)
  const nodeRed = await NodeRed.start({
    userDir: stage.folder(),
    port: await freePort(),
    version: plan.version ?? '4.1',
    env: {
      ...probe.env,
      MQTT_URL: plan.mqtt ?? NO_MQTT,
      KAFKA_BROKERS: service.address,
      DATABASE_URL: plan.database ?? NO_DATABASE,
      ...plan.env,
    },
    flow: plan.flow,
    ...(plan.bare && { bare: true }),
  })
  return {
    usage: (reset) => probe.ask(reset),
    end: () => nodeRed.kill(),
    lastWords: () => nodeRed.logTail(),
  }
}

/** `Node.js 24.2.0 with Node-RED 5.0.1`. */
export async function describeRuntime(version: NodeRedVersion): Promise<string> {
  const { node, script } = runtimeFor(version)
  const { output } = await run(node, ['--version'])
  const manifest = readFileSync(path.join(path.dirname(script), 'package.json'), 'utf8')
  const { version: nodeRed } = JSON.parse(manifest) as { version: string }
  return `Node.js ${output.trim().replace(/^v/, '')} with Node-RED ${nodeRed}`
}
