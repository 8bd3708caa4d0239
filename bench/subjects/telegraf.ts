/**
 * Telegraf from MQTT to Kafka, as its documentation advises for losing nothing: a persistent session, acknowledged after
 * Kafka has answered. The program that `TELEGRAF` names, else one on the PATH.
 */
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Usage } from '../probe/probes'
import { cpuMicros, rssBytes } from '../process-time'
import type { Stage } from '../stage'
import type { BridgePlan } from './bridge'
import { startProgram } from './program'
import type { Subject } from './subject'

export function telegrafProgram(): string | undefined {
  const { TELEGRAF, PATH = '' } = process.env
  const candidates = TELEGRAF
    ? [TELEGRAF]
    : PATH.split(path.delimiter).map((folder) => path.join(folder, 'telegraf'))
  return candidates.find((file) => existsSync(file))
}

export function telegrafMissing(): string | undefined {
  return telegrafProgram() === undefined ? 'no Telegraf: put one on the PATH or set TELEGRAF' : undefined
}

export async function startTelegraf(stage: Stage, plan: BridgePlan): Promise<Subject> {
  const { service } = await stage.kafka()
  const folder = stage.folder()
  const config = path.join(folder, 'telegraf.conf')
  writeFileSync(config, configOf(plan, service.address))
  const program = await startProgram(telegrafProgram()!, ['--config', config], { folder, env: {} })
  return {
    usage: () => Promise.resolve(usageOf(program.pid)),
    end: () => program.end(),
    lastWords: () => program.lastWords(),
  }
}

/** From outside: it has no event loop, and its requests are not counted. */
function usageOf(pid: number): Usage {
  const rss = rssBytes(pid)
  return { cpuMicros: cpuMicros(pid), rss, maxRss: rss, loopP99Ms: NaN, produces: NaN, fetches: NaN }
}

function configOf({ mqtt, clientId, filter, topic }: BridgePlan, kafka: string): string {
  const { host } = new URL(mqtt)
  return `[agent]
  flush_interval = "200ms"
  metric_batch_size = 1000
  metric_buffer_limit = 100000
  omit_hostname = true
  quiet = true

[[inputs.mqtt_consumer]]
  servers = ["tcp://${host}"]
  topics = ["${filter}"]
  qos = 1
  persistent_session = true
  client_id = "${clientId}"
  max_undelivered_messages = 10000
  data_format = "value"
  data_type = "string"

[[outputs.kafka]]
  brokers = ["${kafka}"]
  topic = "${topic}"
  required_acks = -1
  compression_codec = 2
  routing_tag = "topic"
  data_format = "template"
  template = '{{ .Field "value" }}'
`
}
