/** Starts real Kafka brokers with configuration files that are meant for containers. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { freePort } from '../../dev/services/free-port'
import { endWithUs, hasEnded } from '../../dev/services/guard'
import { kafkaJars } from '../../dev/services/kafka-jars'
import { run } from '../../dev/services/run'
import { until } from '../support/until'

const CLUSTER_ID = 'dGVuYW50LXBpcGVsaW5lLQ'

export type Properties = Readonly<Record<string, string>>

/** What the image makes of a `server.properties` and the variables of the container. */
export function brokerProperties(file: string, environment: Properties): Properties {
  const written = file
    .split('\n')
    .filter((line) => /^[a-z]/.test(line))
    .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string])
  const given = Object.entries(environment)
    .filter(([name]) => name.startsWith('KAFKA_') && name !== 'KAFKA_HEAP_OPTS')
    .map(([name, value]) => [name.slice(6).toLowerCase().replaceAll('_', '.'), value] as const)
  return { ...Object.fromEntries(written), ...Object.fromEntries(given) }
}

/**
 * Runs a broker for each, with its host name and ports replaced by free ones of this machine.
 * @returns the addresses, and the function that stops all
 */
export async function startBrokers(hosts: Readonly<Record<string, Properties>>) {
  const jars = await kafkaJars()
  const folder = mkdtempSync(path.join(tmpdir(), 'tenant-kafka-files-'))
  const ports = new Map<string, string>()
  for (const host of Object.keys(hosts))
    for (const port of ['9092', '9093']) ports.set(`${host}:${port}`, `127.0.0.1:${await freePort()}`)
  const stops: (() => Promise<void>)[] = []
  for (const [host, properties] of Object.entries(hosts)) {
    const own = (value: string): string =>
      value
        .replaceAll(/\/\/:(\d+)/g, (_, port: string) => `//${ports.get(`${host}:${port}`)}`)
        .replaceAll(/[\w-]+:909[23]/g, (address) => ports.get(address) ?? address)
        .replace('/var/lib/kafka', path.join(folder, host))
    const file = path.join(folder, `${host}.properties`)
    const lines = Object.entries(properties).map(([name, value]) => `${name}=${own(value)}\n`)
    writeFileSync(file, lines.join(''))
    const java = ['-Xmx256m', '-cp', path.join(jars, '*')]
    const format = ['kafka.tools.StorageTool', 'format', '--cluster-id', CLUSTER_ID, '--config', file]
    const formatted = await run('java', [...java, ...format])
    if (!formatted.ok) throw new Error(formatted.output)
    const child = spawn('java', [...java, 'kafka.Kafka', file], { cwd: folder, stdio: 'ignore' })
    const pid = child.pid as number
    endWithUs(pid)
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve(hasEnded(pid))))
    stops.push(() => (child.kill('SIGKILL'), ended))
  }
  const stop = async (): Promise<void> => {
    await Promise.all(stops.map((each) => each()))
    rmSync(folder, { recursive: true, force: true })
  }
  const brokers = Object.keys(hosts).map((host) => ports.get(`${host}:9092`) as string)
  const client = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 0 } })
  const answers = async (): Promise<boolean> => {
    const admin = client.admin()
    try {
      await admin.connect()
      return (await admin.describeCluster()).brokers.length === brokers.length
    } catch {
      return false
    } finally {
      await admin.disconnect()
    }
  }
  await until('the brokers answer', answers, { giveUpMs: 120_000, pollMs: 200 }).catch(
    async (error: Error) => {
      await stop()
      throw error
    },
  )
  return { client, stop }
}
