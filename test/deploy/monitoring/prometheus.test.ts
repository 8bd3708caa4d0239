/**
 * Prometheus over a running pipeline, its Kafka and its machine: all that rules and dashboards ask for is there, by the names
 * that they ask for. A condition of an alert is asked for by its operands, because most alerts are quiet.
 */
import assert from 'node:assert/strict'
import path from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { freePort } from '../../../dev/services/free-port'
import { jmxAgent } from '../../../dev/services/jmx-agent'
import { startKafka, type KafkaService } from '../../../dev/services/kafka'
import type { Mosquitto } from '../../../dev/services/mosquitto'
import { startOwnPostgres, type OwnPostgres } from '../../../dev/services/postgres'
import { dashboards, withMacros, withVariables, type Chosen } from '../../support/grafana'
import { MONITORING, Prometheus, startNodeExporter, type Found } from '../../support/prometheus'
import { Pipeline, startBusyBroker } from '../../support/pipeline'
import { withoutThresholds } from '../../support/promql'
import { SimulatorProcess } from '../../support/simulator-process'
import { until } from '../../support/until'

const RATE = 100
/** A tenant whose device sends what is no JSON. */
const BROKEN = 'mtic/msg/client/realtime/tenant-1/project-1/broken'
/** What Grafana sets, for a Prometheus that scrapes once a second. */
const OF_GRAFANA = { __rate_interval: '15s', __range: '5m', __interval: '10s' }
const CHOSEN: Chosen = { ...OF_GRAFANA, job: 'node-red', instance: '.*', tenant: '.*' }

describe('rules and dashboards over a running pipeline', function () {
  this.timeout(240_000)
  const startedAt = new Date(Date.now() - 60_000)
  const releases: (() => Promise<void>)[] = []
  let broker: Mosquitto
  let kafka: KafkaService
  let postgres: OwnPostgres
  let pipeline: Pipeline
  let prometheus: Prometheus
  let device: MqttClient

  const opened = <Opened extends { stop: () => Promise<void> }>(it: Opened): Opened => {
    releases.push(() => it.stop())
    return it
  }

  before(async () => {
    const [metricsPort, jmxPort] = [await freePort(), await freePort()]
    const jvm = [await jmxAgent(jmxPort, path.join(MONITORING, 'kafka-jmx.yml'))]
    broker = opened(await startBusyBroker())
    kafka = opened(await startKafka({ jvm }))
    assert.notEqual(kafka.brokers.length, 0, 'this test starts a Kafka with an agent: unset KAFKA_BROKERS')
    postgres = opened(await startOwnPostgres())
    pipeline = opened(
      await Pipeline.start({
        example: '01',
        mqttUrl: broker.address,
        brokers: kafka.address,
        databaseUrl: postgres.address,
        env: {
          TENANT_PIPELINE_METRICS_PORT: String(metricsPort),
          TENANT_PIPELINE_METRICS_TENANTS: 'true',
        },
      }),
    )
    await pipeline.untilSubscribed()
    const machine = opened(await startNodeExporter())
    prometheus = opened(
      await Prometheus.start({
        'node-red': `127.0.0.1:${metricsPort}`,
        kafka: `127.0.0.1:${jmxPort}`,
        node: machine.address,
      }),
    )
    const simulator = await SimulatorProcess.start({ url: broker.address, rate: RATE, tenants: 3 })
    releases.push(async () => void (await simulator.stop()))
    device = await connectAsync(broker.address)
    const breaking = setInterval(() => device.publish(BROKEN, 'no JSON', { qos: 1 }), 250)
    releases.push(async () => {
      clearInterval(breaking)
      await device.endAsync()
    })
  })

  after(async () => {
    for (const release of releases.reverse()) await release()
  })

  /** Waits until a query has a series with a value. */
  async function answers(expression: string): Promise<Found[]> {
    let found: Found[] = []
    await until(
      () => `a series of ${expression} (${JSON.stringify(found)})\n${pipeline.nodeRed.logTail()}`,
      async () => {
        found = await prometheus.query(expression)
        return found.some(({ value }) => !Number.isNaN(value))
      },
      { pollMs: 500, giveUpMs: 90_000 },
    )
    return found
  }

  it('finds a series for each rule without its thresholds, and no rule that it cannot evaluate', async () => {
    const rules = await prometheus.rules()
    assert.ok(rules.length > 20, 'all files of rules')
    for (const { query } of rules) for (const one of withoutThresholds(query)) await answers(one)
    await until('each rule has been evaluated', async () =>
      (await prometheus.rules()).every(({ health }) => health !== 'unknown'),
    )
    const unwell = (await prometheus.rules()).filter(({ health }) => health !== 'ok')
    assert.deepEqual(unwell, [])
  })

  it('wakes no operator for a pipeline that works', async () => {
    const firing = await prometheus.query('ALERTS{severity="critical", alertstate="firing"}')
    assert.deepEqual(firing, [])
  })

  for (const { title, panels, templating } of dashboards) {
    for (const panel of panels) {
      for (const { expr, refId } of panel.targets) {
        if (expr === undefined) continue
        it(`has an answer to "${panel.title}" (${refId}) of ${title}`, async () => {
          await answers(withVariables(expr, CHOSEN))
        })
      }
    }

    for (const { name, query, datasource } of templating.list) {
      if (datasource?.type !== 'prometheus') continue
      it(`has values of $${name} to choose from on ${title}`, async () => {
        const [, selector = '', label = ''] =
          /^label_values\((.+), (\w+)\)$/.exec(withVariables(query, CHOSEN)) ?? []
        const found = await answers(selector)
        assert.ok(found.every(({ metric }) => metric[label] !== undefined))
      })
    }
  }

  describe('and its table', () => {
    const chosen: Chosen = { ...OF_GRAFANA, table: 'iot_messages', field: 'temperature', tenant: [] }
    const run = async (query: string, tenant: readonly string[] = []): Promise<Record<string, unknown>[]> => {
      const text = withMacros(withVariables(query, { ...chosen, tenant }), startedAt, new Date())
      assert.doesNotMatch(text, /\$/)
      return (await pipeline.database.query<Record<string, unknown>>(text)).rows
    }
    const ofSql = dashboards.filter(({ panels }) => panels.some((panel) => panel.targets[0]?.rawSql))

    it('has tenants to choose from', async () => {
      for (const { templating } of ofSql) {
        const queries = templating.list.filter(({ type }) => type === 'query')
        for (const { query } of queries) {
          const values = (await run(query)).map((row) => row['tenant_id'])
          assert.deepEqual(values, ['tenant-1', 'tenant-2', 'tenant-3'])
        }
      }
      assert.equal(ofSql.length, 1)
    })

    for (const { title, panels } of ofSql) {
      for (const panel of panels) {
        for (const { rawSql } of panel.targets) {
          if (rawSql === undefined) continue
          it(`answers "${panel.title}" of ${title}`, async () => {
            const rows = await run(rawSql, ['tenant-1', "tenant-2's", 'tenant-3'])
            assert.notEqual(rows.length, 0)
            for (const row of rows) for (const value of Object.values(row)) assert.notEqual(value, null)
          })
        }
      }
    }
  })
})
