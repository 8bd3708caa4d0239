import assert from 'node:assert/strict'
import tenantDeadLetter from '../../nodes/tenant-dead-letter/tenant-dead-letter'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import tenantPostgres from '../../nodes/tenant-postgres/tenant-postgres'
import tenantTopic from '../../nodes/tenant-topic/tenant-topic'
import type { Message } from '../../src/wire/message'
import { PipelineError } from '../../src/wire/errors'
import { deliveryNodes, type TestSink, type TestSource } from '../support/delivery-nodes'
import { sharedKafka, uniqueName, withAdmin } from '../support/kafka'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import {
  deploy,
  helper,
  loadFlow,
  loggedCodes,
  startRuntime,
  stopRuntime,
  type FlowEntry,
} from '../support/runtime'
import { until } from '../support/until'

const tab = { id: 'tab', type: 'tab', label: 'test' }
const entry = (id: string, type: string, wires: string[][], more: object = {}): FlowEntry => ({
  id,
  type,
  z: 'tab',
  wires,
  ...more,
})
const source = (...wires: string[]) => entry('source', 'test-source', [wires])
const sink = entry('sink', 'test-sink', [])
const caught = entry('catch', 'catch', [['dead']], { scope: null, uncaught: false })
const toTable = entry('dead', 'tenant-dead-letter', [], { target: 'table', database: 'db' })
const databaseAt = (url: string): FlowEntry => ({ id: 'db', type: 'tenant-postgres', address: 'url', url })
const permanent = new PipelineError('NEVER', 'cannot be stored', { retryable: false })
const modules = [deliveryNodes, tenantDeadLetter, tenantKafkaCluster, tenantPostgres, tenantTopic]

async function run(...flow: FlowEntry[]): Promise<TestSource> {
  await loadFlow(modules, [tab, ...flow])
  return helper.getNode('source') as TestSource
}

interface Row {
  readonly reason: string
  readonly node_id: string | null
  readonly payload: Buffer
}

describe('tenant-dead-letter', () => {
  let test: TestDatabase
  let database: FlowEntry

  before(async () => {
    await startRuntime()
    test = await createTestDatabase()
    database = databaseAt(test.url)
  })
  after(async () => {
    await stopRuntime()
    await test.drop()
  })
  afterEach(async () => {
    await helper.unload()
    await test.query('drop table if exists iot_dead_letters')
  })

  const rows = () =>
    test.query<Row & Record<string, unknown>>('select * from iot_dead_letters order by reason')

  it('stores what an error output sends it, and then the message is delivered', async () => {
    const from = await run(
      source('topic'),
      entry('topic', 'tenant-topic', [['sink'], ['dead']], { pattern: 'rt/{tenant}' }),
      sink,
      toTable,
      database,
    )
    const payload = Buffer.from([0, 0xff])
    assert.equal((await from.emitMessage({ topic: 'elsewhere', payload })).outcome, 'delivered')
    const [row] = await rows()
    assert.deepEqual(row?.payload, payload)
    assert.match(row.reason, /does not match "rt\/\{tenant\}"/)
    assert.equal(row.node_id, 'topic')
    assert.equal(row.mqtt_topic, 'elsewhere')
  })

  it('stores what came after its delivery was settled, and says so', async () => {
    const old = { id: 'old', type: 'test-old-node', z: 'tab', delayMs: 900, wires: [['dead']] }
    const from = await run(source('old'), old, toTable, database)
    assert.equal((await from.emitMessage({ payload: 'late', error: { message: 'why' } })).outcome, 'filtered')
    await until('it is stored', async () => (await rows().catch(() => [])).length === 1)
    const { warn } = helper.getNode('dead') as {
      warn: { getCalls(): { args: [{ code?: string }] }[] }
    }
    assert.ok(warn.getCalls().some(({ args: [entry] }) => entry.code === 'LATE_COPY'))
  })

  it('stores what a Catch node sends it, which closes the failure', async () => {
    const from = await run(source('sink'), sink, caught, toTable, database)
    ;(helper.getNode('sink') as TestSink).failure = permanent
    assert.equal((await from.emitMessage({ payload: 'caught' })).outcome, 'delivered')
    const [row] = await rows()
    assert.equal(row?.reason, 'cannot be stored')
    assert.equal(row.code, 'NEVER')
    assert.equal(row.node_type, 'test-sink')
  })

  it('makes a dead letter of each record of a batch', async () => {
    const from = await run(source('dead'), toTable, database)
    const payload = ['a', 'b', 'c'].map((reason) => ({ payload: reason, error: { message: reason } }))
    assert.equal((await from.emitMessage({ batch: true, payload })).outcome, 'delivered')
    assert.deepEqual(
      (await rows()).map(({ reason }) => reason),
      ['a', 'b', 'c'],
    )
  })

  it('takes messages of other nodes, too', async () => {
    const inject = entry('inject', 'inject', [['dead']], {
      props: [{ p: 'payload' }],
      payload: 'by hand',
      payloadType: 'str',
      once: true,
      onceDelay: 0.01,
    })
    await run(inject, toTable, database)
    await until('the dead letter is there', async () => {
      const [there] = await test.query(`select to_regclass('iot_dead_letters') is not null as there`)
      return there?.there === true && (await rows()).length === 1
    })
    assert.equal((await rows())[0]?.reason, 'no reason was given')
  })

  it('holds what it cannot write yet, past the timeout of the delivery, and writes it when it can', async () => {
    const other = await createTestDatabase()
    const elsewhere = new URL(other.url)
    elsewhere.port = '1'
    const from = await run(source('dead'), toTable, databaseAt(elsewhere.href))
    const settlement = from.emitMessage({ payload: 'patient' }, 200)
    const { tracker } = from.tracking
    await until('the timeout is over', () => {
      const [delivery] = tracker.deliveries()
      return delivery !== undefined && performance.now() - delivery.movedAtMs > 1500
    })
    assert.equal(tracker.size, 1)
    assert.ok(loggedCodes('dead').includes('DEAD_LETTERS_WAITING'))
    // The corrected address restarts the node: what it held is given back, as a failure that may be tried again.
    await deploy([tab, source('dead'), toTable, databaseAt(other.url)], 'nodes')
    const { outcome, error } = await settlement
    assert.deepEqual([outcome, error?.retryable], ['failed', true])
    const again = helper.getNode('source') as TestSource
    assert.equal((await again.emitMessage({ payload: 'patient' })).outcome, 'delivered')
    await helper.unload()
    assert.equal((await other.query('select 1 from iot_dead_letters')).length, 1)
    await other.drop()
  }).timeout(60_000)

  it('does nothing with a message whose next attempt is under way', async () => {
    const from = await run(source('sink'), sink, toTable, database)
    const testSink = helper.getNode('sink') as TestSink
    testSink.failure = permanent
    await from.emitMessage({ payload: 'superseded' })
    const node = helper.getNode('dead') as { receive(message: Message): void }
    node.receive(testSink.received[0] as Message)
    testSink.failure = undefined
    node.receive({ payload: 'marker' })
    await until('the marker is there', async () => {
      const [there] = await test.query(`select to_regclass('iot_dead_letters') is not null as there`)
      return there?.there === true && (await rows()).length > 0
    })
    assert.deepEqual(
      (await rows()).map(({ payload }) => payload.toString()),
      ['marker'],
    )
  })

  it('writes to a Kafka topic, which it creates when asked to', async () => {
    const { address } = await sharedKafka()
    const topic = uniqueName('dead-letters')
    const from = await run(
      source('dead'),
      entry('dead', 'tenant-dead-letter', [], {
        cluster: 'kafka',
        topic,
        missingTopic: 'create',
        partitions: '2',
      }),
      { id: 'kafka', type: 'tenant-kafka-cluster', brokers: address },
    )
    assert.equal((await from.emitMessage({ payload: 'bytes' }, 30_000)).outcome, 'delivered')
    await withAdmin(address, async (admin) => {
      const offsets = await admin.fetchTopicOffsets(topic)
      assert.equal(offsets.length, 2)
      assert.equal(
        offsets.reduce((sum, { high }) => sum + Number(high), 0),
        1,
      )
    })
  })

  it('says what is missing in its configuration, and lets messages be tried again', async () => {
    const from = await run(source('dead'), entry('dead', 'tenant-dead-letter', [], { target: 'table' }))
    const { outcome, error } = await from.emitMessage({ payload: 'x' })
    assert.deepEqual([outcome, error?.retryable], ['failed', true])
    assert.match(error?.message ?? '', /choose a PostgreSQL database/)
  })
})
