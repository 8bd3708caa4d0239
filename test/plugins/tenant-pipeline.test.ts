/** The plugin as Node-RED loads it: before any node, and with nothing in the flow. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import plugin from '../../plugins/tenant-pipeline/tenant-pipeline'
import { freePort } from '../../dev/services/free-port'
import type { LogEntry } from '../../src/log/event-log'
import type { Readiness } from '../../src/watch/readiness'
import type { Overview } from '../../src/watch/overview'
import { parseMetrics } from '../support/metrics'
import { until } from '../support/until'

type Handler = (request: unknown, response: object) => void

/** What Node-RED hands over, as far as the plugin uses it. */
function load(tenantPipeline?: object) {
  const lines: LogEntry[] = []
  const routes: { readonly path: string; readonly guard: unknown; readonly handler: Handler }[] = []
  const registered: string[] = []
  const log = (line: LogEntry): unknown => lines.push(line)
  const events = new EventEmitter()
  const RED = {
    plugins: { registerPlugin: (id: string) => registered.push(id) },
    settings: { tenantPipeline },
    events,
    log: { info: log, warn: log, error: log, debug: log },
    version: () => '4.1.0',
    httpAdmin: {
      get: (path: string, guard: unknown, handler: Handler) => routes.push({ path, guard, handler }),
    },
    auth: { needsPermission: (permission: string) => permission },
  }
  plugin(RED as never)
  const codes = (): string[] => lines.map(({ code }) => code)
  return { lines, codes, routes, registered, events }
}

describe('the plugin', () => {
  it('listens nowhere without a port, and guards the page on the admin server', async () => {
    const { codes, routes, registered } = load()
    assert.deepEqual(registered, ['tenant-pipeline'])
    assert.deepEqual(codes(), [])
    const [route] = routes
    assert.deepEqual([route?.path, route?.guard], ['/tenant-pipeline/metrics', 'tenant-pipeline.read'])
    const page = await new Promise<string>((resolve) => {
      const response = { status: () => response, type: () => response, send: resolve }
      route?.handler({}, response)
    })
    const build = parseMetrics(page).find(({ name }) => name === 'tenant_pipeline_build_info')
    assert.equal(build?.labels.node_red, '4.1.0')
    assert.match(build.labels.version ?? '', /^\d+\.\d+\.\d+/)
  })

  it('guards the numbers of the sidebar, and answers with what has passed since it was asked last', () => {
    const { routes } = load()
    const route = routes.find(({ path }) => path === '/tenant-pipeline/nodes')
    assert.equal(route?.guard, 'tenant-pipeline.read')
    const ask = (after?: string): Overview => {
      let answer: Overview | undefined
      const response = { set: () => response, json: (given: Overview) => (answer = given) }
      route.handler({ query: { after } }, response)
      return answer as Overview
    }
    const first = ask()
    assert.equal(first.ticks.length, 1)
    assert.deepEqual(ask(String(first.ticks[0]?.atMs)).ticks, [])
    assert.equal(ask('no time').ticks.length, 1)
  })

  it('follows the flows, and is not ready while they start or stop', async () => {
    const metricsPort = await freePort()
    const { events, codes } = load({ metricsPort })
    await until('it listens', () => codes().includes('METRICS_LISTENING'))
    const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${metricsPort}${path}`)
    for (const [event, state] of [
      ['flows:starting', 'starting'],
      ['flows:started', 'running'],
      ['flows:stopping', 'stopping'],
    ] as const) {
      events.emit(event)
      const response = await get('/ready')
      const { ready, flows, nodes } = (await response.json()) as Readiness
      assert.equal(flows, state)
      // Nodes of other tests may be in this process.
      assert.equal(ready, state === 'running' && nodes.every((node) => node.ready))
      assert.equal(response.status, ready ? 200 : 503)
      assert.equal((await get('/live')).status, 200)
    }
  })

  for (const [what, given, says] of [
    ['a setting that is wrong', { metricsPort: 'soon' }, /"tenantPipeline\.metricsPort" is "soon"/],
    ['an address that is not here', { metricsPort: 1, metricsHost: '192.0.2.1' }, /192\.0\.2\.1:1/],
  ] as const) {
    it(`says ${what}, and lets Node-RED run`, async () => {
      const { lines, codes } = load(given)
      await until('it says so', () => codes().includes('METRICS_UNAVAILABLE'))
      assert.match(lines[0]?.message ?? '', says)
    })
  }
})
