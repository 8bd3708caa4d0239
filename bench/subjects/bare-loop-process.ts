/** Starts `bare-loop.ts` with the Node.js of a Node-RED version, with a probe in it. */
import path from 'node:path'
import { runtimeFor, type NodeRedVersion } from '../../dev/node-red/runtime'
import { PROJECT_ROOT } from '../../dev/project'
import type { Stage } from '../stage'
import type { BridgePlan } from './bridge'
import { startProgram } from './program'
import type { Subject } from './subject'

export async function startBareLoop(
  stage: Stage,
  plan: BridgePlan,
  version: NodeRedVersion,
): Promise<Subject> {
  const { service } = await stage.kafka()
  const probe = (await stage.probes()).add(service.address)
  const tsx = require.resolve('tsx/cjs')
  const script = path.join(PROJECT_ROOT, 'bench', 'subjects', 'bare-loop.ts')
  const program = await startProgram(runtimeFor(version).node, ['--require', tsx, script], {
    folder: stage.folder(),
    env: {
      ...probe.env,
      MQTT_URL: plan.mqtt,
      KAFKA_BROKERS: service.address,
      CLIENT_ID: plan.clientId,
      FILTER: plan.filter,
      TOPIC: plan.topic,
    },
  })
  return {
    usage: (reset) => probe.ask(reset),
    end: () => program.end(),
    lastWords: () => program.lastWords(),
  }
}
