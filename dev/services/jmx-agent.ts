/** Prometheus's agent for Java: with it a Kafka broker answers with its metrics. Fetched by Maven, as Kafka's jars are. */
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { cacheFolder } from './cache-folder'
import { LOOPBACK } from './kafka-broker'
import { exists } from './kafka-jars'
import { run } from './run'

const VERSION = '1.0.1'
const NAME = `jmx_prometheus_javaagent-${VERSION}.jar`

/**
 * The option of a JVM that serves its metrics at this port.
 * @param rules the agent's configuration file
 */
export async function jmxAgent(port: number, rules: string): Promise<string> {
  return `-javaagent:${await agentJar()}=${LOOPBACK}:${port}:${rules}`
}

async function agentJar(): Promise<string> {
  const cache = cacheFolder()
  const jar = path.join(cache, NAME)
  if (await exists(jar)) return jar
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(path.join(cache, 'jmx-download-'))
  try {
    const artifact = `io.prometheus.jmx:jmx_prometheus_javaagent:${VERSION}`
    const copy = ['dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${work}`]
    const maven = await run('mvn', ['-q', '-B', ...copy], work)
    if (!maven.ok) throw new Error(`Maven could not fetch ${artifact}:\n${maven.output.slice(-2000)}`)
    await rename(path.join(work, NAME), jar)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return jar
}
