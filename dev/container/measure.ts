/** What the container costs: how long it takes to start and to stop, and its memory, idle and under load. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'pg'
import { accountFor } from '../accounting'
import type { FlowEntry } from '../node-red'
import { PROJECT_ROOT } from '../project'
import { freePort } from '../services/free-port'
import { startKafka } from '../services/kafka'
import { startMosquitto } from '../services/mosquitto'
import { startPostgres } from '../services/postgres'
import { Simulator } from '../simulator/simulator'
import { targetsOf } from '../start/targets'
import { buildImage, type Image } from './build'
import { Container } from './container'
import type { Env } from './dockerfile'

export const CONTEXT = path.join(PROJECT_ROOT, 'deploy/container')
export const FLOW = path.join(PROJECT_ROOT, 'examples/08 Shared subscription over two Node-REDs.json')
/** Of the flow. */
const TABLE = targetsOf(JSON.parse(readFileSync(FLOW, 'utf8')) as FlowEntry[]).tables[0] ?? ''
const DRAIN_LIMIT_MS = 60_000
/** Memory is idle when nothing has happened for a while; this is measured, not waited for. */
const IDLE_MS = 2_000

export interface MeasureOptions {
  readonly rate: number
  readonly seconds: number
  readonly memoryMb: number
  /** Default: this project, packed. */
  readonly package?: string | undefined
  readonly env: Env
}

export interface Measured {
  readonly buildSeconds: number
  /** Beyond the base image. */
  readonly addedMb: number
  /** Until all nodes are ready. */
  readonly startSeconds: number
  /** Resident memory of process 1. */
  readonly idleMb: number
  readonly loadedMb: number
  readonly peakMb: number
  /** With the file cache. */
  readonly groupPeakMb: number | undefined
  readonly published: number
  readonly missing: number
  readonly duplicates: number
  readonly stopSeconds: number
  readonly exitCode: number | null
}

/** The image with this project in it, or with a published version. */
export async function buildOurs(published?: string): Promise<Image> {
  if (published !== undefined) return buildImage(CONTEXT, { PACKAGE: published })
  const folder = mkdtempSync(path.join(tmpdir(), 'tenant-context-'))
  try {
    execFileSync('cp', ['--archive', `${CONTEXT}/.`, folder])
    const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
    const packed = execFileSync('npm', pack, {
      cwd: PROJECT_ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [{ filename }] = JSON.parse(packed) as [{ filename: string }]
    renameSync(path.join(folder, filename), path.join(folder, 'local.tgz'))
    return await buildImage(folder, { PACKAGE: './local.tgz' })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function measure(options: MeasureOptions): Promise<Measured> {
  const releases: (() => unknown)[] = []
  try {
    return await measureWith(options, (release) => releases.push(release))
  } finally {
    for (const release of releases.reverse()) await release()
  }
}

async function measureWith(
  options: MeasureOptions,
  atEnd: (release: () => unknown) => void,
): Promise<Measured> {
  const startedAtMs = performance.now()
  const image = await buildOurs(options.package)
  atEnd(() => image.remove())
  const buildSeconds = seconds(performance.now() - startedAtMs)
  const mosquitto = await startMosquitto({ config: ['autosave_on_changes false'] })
  atEnd(() => mosquitto.stop())
  const kafka = await startKafka()
  atEnd(() => kafka.stop())
  const postgres = await startPostgres()
  atEnd(() => postgres.stop())
  const container = await Container.start(image, {
    env: {
      MQTT_URL: mosquitto.address,
      KAFKA_BROKERS: kafka.address,
      DATABASE_URL: postgres.address,
      MQTT_CLIENT_ID: 'container',
      TENANT_PIPELINE_METRICS_HOST: '127.0.0.1',
      ...options.env,
    },
    mounts: { '/flows/flows.json': FLOW },
    memoryMb: options.memoryMb,
    port: await freePort(),
  })
  atEnd(() => container.remove())
  await sleep(IDLE_MS)
  const idle = container.memory()
  const simulator = await Simulator.start({
    ...{ url: mosquitto.address, rate: options.rate, qos: 1 as const },
    ...{ tenants: 5, projects: 2, devices: 50 },
  })
  await sleep(options.seconds * 1000)
  const loaded = container.memory()
  await simulator.stop()
  const account = await stored(postgres.address, simulator.ledger.snapshot())
  const { peakMb } = container.memory()
  const groupPeakMb = container.groupPeakMb()
  const { tookMs, code } = await container.stop()
  return {
    buildSeconds,
    addedMb: image.addedMb,
    startSeconds: seconds(container.startedInMs),
    idleMb: Math.round(idle.rssMb),
    loadedMb: Math.round(loaded.rssMb),
    peakMb: Math.round(peakMb),
    groupPeakMb: groupPeakMb === undefined ? undefined : Math.round(groupPeakMb),
    published: account.published,
    missing: account.missing,
    duplicates: account.duplicates,
    stopSeconds: seconds(tookMs),
    exitCode: code,
  }
}

/** Waits until all that the ledger has is in the table, and adds up. */
export async function stored(
  url: string,
  ledger: Parameters<typeof accountFor>[0],
): ReturnType<typeof accountFor> {
  const database = new Pool({ connectionString: url, max: 1 })
  try {
    const until = performance.now() + DRAIN_LIMIT_MS
    for (;;) {
      const account = await accountFor(ledger, {
        client: database,
        table: TABLE,
        since: new Date(0),
      })
      if (account.missing <= 0 || performance.now() > until) return account
      await sleep(200)
    }
  } finally {
    await database.end()
  }
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10
}
