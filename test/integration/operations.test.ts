/**
 * A running pipeline as operations sees it: at each scrape through an outage every record is accounted for, the probes say
 * what a restart could help with and what not, and a deploy leaves the counters of other nodes alone.
 */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import type { FlowEntry } from '../../dev/node-red'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import { freePort } from '../../dev/services/free-port'
import type { Mosquitto } from '../../dev/services/mosquitto'
import { startOwnPostgres, type OwnPostgres } from '../../dev/services/postgres'
import type { Readiness } from '../../src/watch/readiness'
import { balances, parseMetrics, sumOf, valuesOf, type Series } from '../support/metrics'
import { Pipeline, startBusyBroker } from '../support/pipeline'
import { SimulatorProcess } from '../support/simulator-process'
import { until } from '../support/until'

const RATE = 200

const hasLogged = ({ nodeRed }: Pipeline, code: string): boolean =>
  nodeRed.logTail(1000).includes(`(${code})`)

describe('a pipeline that is watched', function () {
  this.timeout(180_000)
  let broker: Mosquitto
  /** Of its own: others write to the topic of the examples, too, and here every record counts. */
  let kafka: KafkaService
  let postgres: OwnPostgres
  let pipeline: Pipeline
  let simulator: SimulatorProcess
  let url: string

  const page = async (): Promise<Series[]> => parseMetrics(await (await fetch(`${url}/metrics`)).text())
  const status = async (path: string): Promise<number> => (await fetch(url + path)).status
  const readiness = async (): Promise<Readiness> => (await (await fetch(`${url}/ready`)).json()) as Readiness

  /** Scrapes until it is so, and wants every record accounted for at each scrape. */
  async function scrapeUntil(what: string, isSo: (series: Series[]) => boolean): Promise<Series[]> {
    let series: Series[] = []
    await until(
      () => `${what}\n${pipeline.nodeRed.logTail()}`,
      async () => {
        series = await page()
        const all = balances(series)
        assert.equal(all.length, 2, 'both sources')
        for (const { node, received, accounted } of all) assert.equal(accounted, received, node)
        return isSo(series)
      },
      { pollMs: 50 },
    )
    return series
  }

  before(async () => {
    const port = await freePort()
    ;[broker, kafka, postgres] = await Promise.all([startBusyBroker(), startKafka(), startOwnPostgres()])
    url = `http://127.0.0.1:${port}`
    pipeline = await Pipeline.start({
      example: '01',
      mqttUrl: broker.address,
      brokers: kafka.address,
      databaseUrl: postgres.address,
      env: { TENANT_PIPELINE_METRICS_PORT: String(port), TENANT_PIPELINE_METRICS_TENANTS: 'true' },
    })
    await pipeline.untilSubscribed()
    await until('it is ready', async () => (await status('/ready')) === 200)
    assert.ok(hasLogged(pipeline, 'METRICS_LISTENING'))
    simulator = await SimulatorProcess.start({ url: broker.address, rate: RATE, tenants: 3 })
  })

  after(async () => {
    await pipeline?.stop()
    await Promise.all([broker?.stop(), kafka?.stop(), postgres?.stop()])
  })

  it('accounts for every record at each scrape through an outage of PostgreSQL, and is alive and not ready', async () => {
    await scrapeUntil('rows are written', (series) => sumOf(series, 'postgres_rows_total') > RATE)
    await postgres.shutDown()
    await scrapeUntil('the sink is away', (series) => sumOf(series, 'postgres_connection_status') === 0)
    assert.equal(await status('/live'), 200)
    assert.equal(await status('/ready'), 503)
    // The dead letter writes to the same server, and notices within ten seconds.
    const away = async (): Promise<Readiness['nodes']> =>
      (await readiness()).nodes.filter(({ ready, type }) => !ready && type !== 'tenant-dead-letter')
    assert.deepEqual(
      (await away()).map(({ type }) => type),
      ['tenant-postgres-sink'],
    )
    // The server's farewell comes first.
    await until('the reason names the server', async () =>
      (await away()).some(({ reason = '' }) => reason.includes('connecting to PostgreSQL at ')),
    )
    await scrapeUntil(
      'the first leg receives meanwhile, and the lag of the second grows',
      (series) => sumOf(series, 'kafka_consumer_lag_messages') > RATE,
    )
    await postgres.restart()
    const ledger = await simulator.stop()
    const { missing } = await pipeline.drained(ledger)
    assert.equal(missing, 0)
    const series = await scrapeUntil(
      'nothing is in flight',
      (each) => sumOf(each, 'tenant_pipeline_source_in_flight_records') === 0,
    )
    const stored = sumOf(series, 'postgres_rows_total')
    assert.equal(sumOf(series, 'kafka_messages_produced_total'), stored)
    assert.equal(sumOf(series, 'mqtt_messages_received_total'), stored)
    const sink = series.find(({ name }) => name === 'postgres_rows_total')?.labels.node ?? ''
    assert.equal(sumOf(series, 'tenant_pipeline_tenant_records_total', { node: sink }), stored)
    assert.equal(valuesOf(series, 'tenant_pipeline_tenant_records_total', { node: sink }).length, 3)
    assert.equal(sumOf(series, 'postgres_transaction_records_sum'), stored)
    assert.ok(sumOf(series, 'postgres_reconnects_total') >= 1, 'the outage that is over')
    await until('it is ready again', async () => (await status('/ready')) === 200)
  })

  it('accounts for every record at each scrape after Node-RED was killed, also for those that come again', async () => {
    simulator = await SimulatorProcess.start({ url: broker.address, rate: RATE, tenants: 3 })
    for (let kill = 0; kill < 2; kill++) {
      await scrapeUntil('rows are written', (series) => sumOf(series, 'postgres_rows_total') > RATE)
      await pipeline.nodeRed.kill()
      await pipeline.nodeRed.start()
    }
    const { missing } = await pipeline.drained(await simulator.stop())
    assert.equal(missing, 0)
    const series = await scrapeUntil(
      'nothing is in flight',
      (each) => sumOf(each, 'tenant_pipeline_source_in_flight_records') === 0,
    )
    assert.ok(sumOf(series, 'kafka_consumer_messages_consumed_total') > 0)
    await until('it is ready again', async () => (await status('/ready')) === 200)
  })

  it('serves the same page on the admin server', async () => {
    const response = await fetch(`${pipeline.nodeRed.editorUrl}/tenant-pipeline/metrics`)
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain;.* version=0\.0\.4/)
    const names = (series: Series[]): string[] => [
      ...new Set(series.map(({ name }) => name).filter((name) => !/^(nodejs|process)_/.test(name))),
    ]
    assert.deepEqual(names(parseMetrics(await response.text())), names(await page()))
  })

  it('keeps the counters of other nodes over a deploy, and forgets a node that was removed', async () => {
    const flow = await pipeline.nodeRed.flow()
    const ofType = (type: string): FlowEntry => flow.find((entry) => entry.type === type) as FlowEntry
    const rows = sumOf(await page(), 'postgres_rows_total')
    const source = ofType('tenant-mqtt-source')
    const without = flow.filter((entry) => entry !== source)
    await pipeline.nodeRed.deploy(without, 'nodes')
    const received = async (): Promise<number[]> => valuesOf(await page(), 'mqtt_messages_received_total')
    await until('the source has no series', async () => (await received()).length === 0)
    assert.equal(sumOf(await page(), 'postgres_rows_total'), rows)
    await pipeline.nodeRed.deploy(flow, 'nodes')
    await until('the new source has', async () => (await received()).length === 1)
    assert.deepEqual(await received(), [0])
    assert.equal(sumOf(await page(), 'postgres_rows_total'), rows)
  })

  it('is not ready while it drains, and alive until it ends', async () => {
    const answers = new Set<string>()
    const stopping = pipeline.nodeRed.stop()
    await until('the listener has gone', async () => {
      try {
        answers.add(`${await status('/live')} ${(await readiness()).flows}`)
        return false
      } catch {
        return true
      }
    })
    await stopping
    assert.ok(answers.has('200 stopping'), [...answers].join(', '))
  })
})

describe('a port for metrics that is in use', function () {
  this.timeout(60_000)
  let taken: Server
  let pipeline: Pipeline

  after(async () => {
    await pipeline?.stop()
    taken?.close()
  })

  it('is a line in the log, and Node-RED runs', async () => {
    const port = await freePort()
    taken = await new Promise<Server>((resolve) => {
      const server = createServer().listen(port, '127.0.0.1', () => resolve(server))
    })
    pipeline = await Pipeline.start({
      example: '03',
      mqttUrl: 'mqtt://127.0.0.1:1',
      brokers: '127.0.0.1:1',
      databaseUrl: 'postgres://postgres:postgres@127.0.0.1:1/postgres',
      env: { TENANT_PIPELINE_METRICS_PORT: String(port) },
    })
    await until('the log says it', () => hasLogged(pipeline, 'METRICS_UNAVAILABLE'))
    assert.match(pipeline.nodeRed.logTail(1000), /another program uses this port/)
    assert.ok(pipeline.nodeRed.running)
  })
})
