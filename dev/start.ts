/**
 * `npm start`: real services, Node-RED with the first example, and simulated devices, to see the package work.
 * On Ctrl-C it waits for the last messages and adds up what was published, stored, stored twice, and missing.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { NodeRed, type FlowEntry } from './node-red'
import { PROJECT_ROOT } from './project'
import { Simulator } from './simulator/simulator'
import { buildIfStale } from './start/build'
import { PipelineCounts } from './start/counts'
import { drain } from './start/drain'
import { showLive } from './start/live'
import { newerNodeHint } from './start/node-version'
import { HELP, parseStartOptions, type StartOptions } from './start/options'
import { assertPortsAreFree } from './start/ports'
import { shownAddress, startServices, type Services } from './start/services'
import { listenForStop, type StopSignals } from './start/stop-signals'
import { targetsOf, type Targets } from './start/targets'
import { Terminal } from './start/terminal'
import { welcome } from './start/welcome'

const EXAMPLE = path.join(PROJECT_ROOT, 'examples', '01 MQTT to Kafka to PostgreSQL.json')
const INTERRUPTED = 130
/** After so long the wait for the flow's sources is explained. */
const EXPLAIN_AFTER_MS = 15_000

const terminal = new Terminal()

async function main(): Promise<number> {
  const options = parseStartOptions(process.argv.slice(2))
  if (options.help) {
    terminal.line(HELP)
    return 0
  }
  const stop = listenForStop()
  await assertPortsAreFree(options)
  if (buildIfStale()) terminal.line('package: built')
  const hint = newerNodeHint()
  if (hint !== undefined) terminal.line(hint)
  const services = await startServices(options, terminal)
  try {
    return stop.asked.aborted ? INTERRUPTED : await withNodeRed(options, services, stop)
  } finally {
    terminal.line('stopping the services')
    await services.stop()
  }
}

async function withNodeRed(options: StartOptions, services: Services, stop: StopSignals): Promise<number> {
  terminal.line('Node-RED: starting')
  const nodeRed = await NodeRed.start({
    userDir: path.join(options.dataDir, 'node-red'),
    port: options.port,
    env: {
      MQTT_URL: services.mqtt.address,
      KAFKA_BROKERS: services.kafka.address,
      DATABASE_URL: services.database.address,
    },
    flow: JSON.parse(readFileSync(EXAMPLE, 'utf8')) as FlowEntry[],
  })
  terminal.line(`Node-RED: log in ${nodeRed.logFile}`)
  try {
    const flow = await nodeRed.flow()
    const targets = targetsOf(flow)
    const addresses = { brokers: services.kafka.address, databaseUrl: services.database.address }
    const counts = await PipelineCounts.open(addresses, targets)
    try {
      await untilSourcesListen(nodeRed, flow, stop.asked)
      if (stop.asked.aborted) return INTERRUPTED
      return await publish({ options, services, nodeRed, counts, targets, stop })
    } finally {
      await counts.close()
    }
  } finally {
    terminal.line('stopping Node-RED')
    await nodeRed.stop()
  }
}

interface Running {
  readonly options: StartOptions
  readonly services: Services
  readonly nodeRed: NodeRed
  readonly counts: PipelineCounts
  readonly targets: Targets
  readonly stop: StopSignals
}

async function publish({ options, services, nodeRed, counts, targets, stop }: Running): Promise<number> {
  const { mqtt, kafka, database } = services
  const simulator = options.simulator ? await Simulator.start({ ...options, url: mqtt.address }) : undefined
  terminal.line(
    `ready editor=${nodeRed.editorUrl} mqtt=${shownAddress(mqtt.address, 'MQTT_URL')}` +
      ` kafka=${kafka.address} database=${shownAddress(database.address, 'DATABASE_URL')}`,
  )
  const [mainTable] = targets.tables
  const running = {
    editorUrl: nodeRed.editorUrl,
    mqtt: mqtt.address,
    kafka: kafka.address,
    database: database.address,
    table: mainTable,
  }
  terminal.line('')
  for (const [heading, text] of welcome(running)) terminal.point(heading, text)
  terminal.line('')
  const ended = AbortSignal.any([stop.asked, nodeRed.exited])
  await showLive(terminal, counts, simulator, ended)
  if (!nodeRed.running) terminal.line(`Node-RED has ended by itself:\n${nodeRed.logTail()}`)
  if (simulator === undefined) return nodeRed.running ? 0 : 1

  terminal.line('stopping the devices')
  if (!(await simulator.stop())) {
    terminal.line(
      `the broker left ${simulator.ledger.unacknowledged} messages without an answer; not counted`,
    )
  }
  const [table] = targets.tables
  if (table === undefined) {
    terminal.line('the flow has no tenant-postgres-sink with a table: there is nothing to add up')
    return 1
  }
  const sum = await drain(simulator.ledger.snapshot(), { counts, table, terminal }, giveUp(stop, nodeRed))
  const { published, stored, duplicates, missing } = sum
  const [shown, kept, twice, lost] = [published, stored, duplicates, missing].map((count) =>
    count.toLocaleString('en-US'),
  )
  const isWell = missing === 0 && duplicates === 0
  terminal.result(`published ${shown}, stored ${kept}, duplicates ${twice}, missing ${lost}`, isWell)
  return isWell ? 0 : 1
}

function giveUp(stop: StopSignals, nodeRed: NodeRed): AbortSignal {
  return AbortSignal.any([stop.impatient, nodeRed.exited])
}

/** Before its sources have subscribed, the broker would acknowledge messages that have no receiver yet. */
async function untilSourcesListen(
  nodeRed: NodeRed,
  flow: readonly FlowEntry[],
  signal: AbortSignal,
): Promise<void> {
  const sources = flow.filter((entry) => entry.type === 'tenant-mqtt-source' && entry.d !== true)
  const startedAtMs = performance.now()
  let explained = false
  while (!signal.aborted && nodeRed.running) {
    const waiting = sources.filter(({ id }) => nodeRed.statuses.get(id)?.fill !== 'green')
    if (waiting.length === 0) return
    if (!explained && performance.now() - startedAtMs > EXPLAIN_AFTER_MS) {
      explained = true
      const problems = waiting.map(({ id }) => nodeRed.statuses.get(id)?.text ?? 'no status yet')
      terminal.line(`waiting for the flow's MQTT sources: ${problems.join('; ')}. See ${nodeRed.editorUrl}`)
    }
    await sleep(100)
  }
}

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    terminal.line(error.message)
    process.exit(1)
  },
)
