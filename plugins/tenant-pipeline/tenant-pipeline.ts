/**
 * The plugin of this package: with nothing drawn in a flow it serves what the nodes count, and whether they are ready.
 * Whatever fails here is a line in the log; Node-RED and the flows run on.
 */
import type { NodeAPI } from 'node-red'
import { createRequire } from 'node:module'
import { EventLog } from '../../src/log/event-log'
import { answerOf, jsonAnswer, listen, portOf, type Answer, type Pages } from '../../src/watch/listener'
import type { Scrape } from '../../src/watch/scrape'
import { readinessOf, type FlowState } from '../../src/watch/readiness'
import { readWatchSettings, type WatchSettings } from '../../src/watch/settings'
import { startTraces } from '../../src/trace/traces'
import { countTenants } from '../../src/watch/tenants'
import { watchedNodes } from '../../src/watch/watched-nodes'
import { addNumbersRoute } from './numbers-route'
import { asPipelineError, describeError, PipelineError } from '../../src/wire/errors'

const ID = 'tenant-pipeline'

/** What is used of Node-RED's `RED`, where its types say less. */
interface PluginHost {
  readonly plugins: { registerPlugin(id: string, definition: object): void }
  readonly settings: { readonly tenantPipeline?: unknown }
  readonly events: { on(event: string, listener: () => void): void }
  readonly log: Record<'info' | 'warn' | 'error' | 'debug', (entry: object) => void>
  readonly version?: string | (() => string)
}

export = function (RED: NodeAPI): void {
  const { plugins, settings, events, log: logger, version } = RED as unknown as PluginHost
  const log = new EventLog({ ...logger, id: ID, log: logger.info })
  const flows = followFlows(events)
  const metrics = metricsPage(typeof version === 'function' ? version() : (version ?? ''))
  const pages: Pages = {
    '/metrics': metrics,
    '/live': () => jsonAnswer(200, { live: true }),
    '/ready': () => {
      const readiness = readinessOf(watchedNodes, flows())
      return jsonAnswer(readiness.ready ? 200 : 503, readiness)
    },
  }
  RED.httpAdmin.get(`/${ID}/metrics`, RED.auth.needsPermission(`${ID}.read`), (_request, response) => {
    void answerOf(metrics).then(({ status, contentType, body }) => {
      response.status(status).type(contentType).send(body)
    })
  })
  addNumbersRoute(RED, ID, watchedNodes)
  try {
    const chosen = readWatchSettings(settings.tenantPipeline, process.env)
    countTenants(chosen.metricsTenants)
    if (chosen.traces && !startTraces(ownVersion())) log.note('TRACES_WITHOUT_SDK', WITHOUT_SDK)
    if (chosen.metricsPort > 0) void open(chosen, pages, log)
  } catch (thrown) {
    log.problem('METRICS_UNAVAILABLE', asPipelineError(thrown))
  }
  plugins.registerPlugin(ID, {})
}

const WITHOUT_SDK =
  'traces are on, but no OpenTelemetry SDK is registered in this process, so nothing exports them; start it before ' +
  "Node-RED's nodes, in settings.js or with node --require (docs/operations.md)"

function followFlows(events: PluginHost['events']): () => FlowState {
  let state: FlowState = 'starting'
  events.on('flows:starting', () => (state = 'starting'))
  events.on('flows:started', () => (state = 'running'))
  events.on('flows:stopping', () => (state = 'stopping'))
  return () => state
}

/** Never rejects. */
async function open({ metricsHost, metricsPort }: WatchSettings, pages: Pages, log: EventLog): Promise<void> {
  try {
    const server = await listen(metricsHost, metricsPort, pages)
    const names = Object.keys(pages).join(', ')
    log.note('METRICS_LISTENING', `${names} at http://${metricsHost}:${portOf(server)}`)
  } catch (thrown) {
    log.problem('METRICS_UNAVAILABLE', listenerError(thrown, metricsHost, metricsPort))
  }
}

function listenerError(thrown: unknown, host: string, port: number): PipelineError {
  const why =
    (thrown as { code?: string } | null)?.code === 'EADDRINUSE'
      ? 'another program uses this port; choose one that is free (TENANT_PIPELINE_METRICS_PORT)'
      : describeError(thrown)
  const message = `metrics and health are not served at ${host}:${port}: ${why}`
  return new PipelineError('METRICS_UNAVAILABLE', message, { retryable: false, cause: thrown })
}

/** The client of Prometheus is loaded with the first scrape: who has none pays nothing. */
function metricsPage(nodeRed: string): () => Promise<Answer> {
  let scrape: Scrape | undefined
  return async () => {
    scrape ??= new (loadScrape())(watchedNodes, { version: ownVersion(), node_red: nodeRed })
    return { status: 200, contentType: scrape.contentType, body: await scrape.page() }
  }
}

const load = createRequire(__filename)

function loadScrape(): typeof Scrape {
  return (load('../../src/watch/scrape') as { readonly Scrape: typeof Scrape }).Scrape
}

function ownVersion(): string {
  const own = load('@iot-bridge/node-red-tenant-pipeline/package.json') as {
    version: string
  }
  return own.version
}
