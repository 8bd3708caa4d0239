import assert from 'node:assert/strict'
import { Distribution } from '../../../src/watch/distribution'
import { METRICS, type Metric } from '../../../src/watch/metrics'
import { BUILD_INFO, Scrape } from '../../../src/watch/scrape'
import { WatchedNodes, type Samples } from '../../../src/watch/watched-nodes'
import { parseMetrics, valuesOf } from '../../support/metrics'

function scrapeOf(samples: Samples, name: string | undefined = 'source') {
  const nodes = new WatchedNodes()
  const remove = nodes.add({ id: 'id', type: 'tenant-mqtt-source', name, samples: () => samples })
  return { nodes, remove, scrape: new Scrape(nodes, { version: '1.2.3', node_red: '4.1' }) }
}

describe('the page of metrics', () => {
  it('shows numbers, counts by a label, and distributions, each with the name of its node', async () => {
    const distribution = new Distribution([0.1, 1])
    for (const value of [0.05, 0.1, 0.5, 3]) distribution.add(value)
    const { scrape } = scrapeOf({
      mqtt_messages_received_total: 7,
      message_processing_errors_total: new Map([['NODE_FAILED', 2]]),
      kafka_write_latency_seconds: distribution,
      kafka_batch_records: new Map([['linger', distribution]]),
    })
    const page = await scrape.page()
    for (const line of [
      '# TYPE mqtt_messages_received_total counter',
      'mqtt_messages_received_total{node="source"} 7',
      'message_processing_errors_total{node="source",code="NODE_FAILED"} 2',
      'kafka_write_latency_seconds_bucket{node="source",le="0.1"} 2',
      'kafka_write_latency_seconds_bucket{node="source",le="1"} 3',
      'kafka_write_latency_seconds_bucket{node="source",le="+Inf"} 4',
      'kafka_write_latency_seconds_count{node="source"} 4',
      'kafka_batch_records_sum{node="source",reason="linger"} 3.65',
      `${BUILD_INFO}{version="1.2.3",node_red="4.1"} 1`,
    ]) {
      assert.ok(page.split('\n').includes(line), `${line}\n${page}`)
    }
  })

  it('has what Node.js tells: delay of the event loop, and memory', async () => {
    const page = parseMetrics(await scrapeOf({}).scrape.page())
    for (const name of ['nodejs_eventloop_lag_p99_seconds', 'process_resident_memory_bytes']) {
      assert.equal(valuesOf(page, name).length, 1, name)
    }
  })

  it('asks when it is read: values are those of now, and a node that was removed has no series', async () => {
    let received = 1
    const nodes = new WatchedNodes()
    const samples = (): Samples => ({ mqtt_messages_received_total: received })
    const remove = nodes.add({ id: 'a', type: 't', samples })
    nodes.add({ id: 'b', type: 't', samples })
    const scrape = new Scrape(nodes, {})
    const read = async () => valuesOf(parseMetrics(await scrape.page()), 'mqtt_messages_received_total')
    assert.deepEqual(await read(), [1, 1])
    received = 5
    assert.deepEqual(await read(), [5, 5])
    remove()
    assert.deepEqual(await read(), [5])
  })

  it('tells nodes of the same name apart, and takes any name', async () => {
    const nodes = new WatchedNodes()
    const samples = (): Samples => ({ mqtt_messages_received_total: 1 })
    for (const [id, name] of [
      ['a', 'same'],
      ['b', 'same'],
      ['c', ''],
      ['d', 'a "quoted"\nname\\'],
    ] as const) {
      nodes.add({ id, type: 't', name, samples })
    }
    const page = await new Scrape(nodes, {}).page()
    const labels = parseMetrics(page)
      .filter(({ name }) => name === 'mqtt_messages_received_total')
      .map(({ labels }) => labels.node)
    assert.deepEqual(labels, ['same (a)', 'same (b)', 'c', 'a \\"quoted\\"\\nname\\\\'])
  })

  it('keeps the new node when the one before it closes late', () => {
    const nodes = new WatchedNodes()
    const removeOld = nodes.add({ id: 'a', type: 't', name: 'old' })
    nodes.add({ id: 'a', type: 't', name: 'new' })
    removeOld()
    assert.deepEqual(
      nodes.all.map(({ name }) => name),
      ['new'],
    )
  })
})

describe('the table of metrics', () => {
  const metrics = Object.entries<Metric>(METRICS)

  it('follows the conventions of Prometheus', () => {
    for (const [name, { type, label, help }] of metrics) {
      assert.match(name, /^[a-z][a-z0-9_]*$/)
      assert.equal(name.endsWith('_total'), type === 'counter', `${name}: _total is for counters`)
      assert.doesNotMatch(name, /_(ms|millis|milliseconds|minutes|kb|mb)(_|$)/, 'base units')
      if (label !== undefined) assert.match(label, /^[a-z]+$/)
      assert.match(help, /^[A-Z0-9].*\.$/, name)
    }
  })

  it('keeps the names that documents of the fleet use', () => {
    for (const name of [
      'mqtt_messages_received_total',
      'mqtt_connection_status',
      'kafka_messages_produced_total',
      'kafka_write_latency_seconds',
      'message_processing_errors_total',
      'kafka_consumer_messages_consumed_total',
      'kafka_consumer_processing_duration_seconds',
      'kafka_consumer_lag_messages',
    ]) {
      assert.ok(Object.hasOwn(METRICS, name), name)
    }
  })
})
