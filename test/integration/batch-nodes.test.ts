/**
 * A batch of Kafka records that a flow splits, treats one by one, and joins, before a PostgreSQL sink that writes exactly
 * once by ledger: against a real Kafka and PostgreSQL. `test/src/delivery/batch` has the many cases; these are the promises.
 */
import assert from 'node:assert/strict'
import tenantBatch from '../../nodes/tenant-batch/tenant-batch'
import deadLetterNode from '../../nodes/tenant-dead-letter/tenant-dead-letter'
import clusterNode from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import consumerNode from '../../nodes/tenant-kafka-consumer/tenant-kafka-consumer'
import postgresNode from '../../nodes/tenant-postgres/tenant-postgres'
import sinkNode from '../../nodes/tenant-postgres-sink/tenant-postgres-sink'
import { func, node } from '../support/delivery-flow'
import { createTestTopic, sharedKafka, uniqueName } from '../support/kafka'
import { produce } from '../support/kafka-consumers'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { deploy, helper, loadFlow, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'
import { until } from '../support/until'

const modules = [tenantBatch, deadLetterNode, clusterNode, consumerNode, postgresNode, sinkNode]
const COUNT = 60
const upTo = (end: number): number[] => Array.from({ length: end }, (_, index) => index)

describe('a batch between split and join, exactly once by ledger', () => {
  let brokers: string
  let database: TestDatabase
  let topic: string

  before(async () => {
    brokers = (await sharedKafka()).address
    await startRuntime()
  })
  after(stopRuntime)
  beforeEach(async () => {
    database = await createTestDatabase()
    topic = await createTestTopic(brokers, { partitions: 1 })
    await produce(
      brokers,
      topic,
      upTo(COUNT).map((n) => `{"n":${n}}`),
      0,
      { tenant: 'acme' },
    )
  })
  afterEach(async () => {
    await helper.unload()
    await database.drop()
  })

  function flow(body: string, ...more: FlowEntry[]): FlowEntry[] {
    const read = 'const { n } = JSON.parse(msg.payload);'
    return [
      { id: 'tab', type: 'tab' },
      { id: 'cluster', type: 'tenant-kafka-cluster', brokers },
      { id: 'db', type: 'tenant-postgres', address: 'url', url: database.url },
      node(
        'source',
        'tenant-kafka-consumer',
        {
          ...{ cluster: 'cluster', database: 'db', topics: topic, group: uniqueName('group') },
          ...{ mode: 'batch', start: 'earliest', sessionTimeoutMs: 6000, attempts: 1 },
        },
        ['split'],
        ['dead'],
      ),
      node('split', 'tenant-batch', { mode: 'split' }, ['each']),
      func('each', `${read} ${body}`, ['join']),
      node('join', 'tenant-batch', { mode: 'join' }, ['rows']),
      node('rows', 'tenant-postgres-sink', { database: 'db', createTable: true }, []),
      node('dead', 'tenant-dead-letter', { target: 'table', database: 'db', createTable: true }),
      ...more,
    ]
  }

  const numbers = async (table: string): Promise<number[]> => {
    const [{ there } = { there: null }] = await database.query<{ there: string | null }>(
      `select to_regclass('${table}')::text as there`,
    )
    if (there === null) return []
    const rows = await database.query<{ o: string }>(`select kafka_offset as o from ${table} order by 1`)
    return rows.map(({ o }) => Number(o))
  }
  const rows = (): Promise<number[]> => numbers('iot_messages')
  const letters = (): Promise<number[]> => numbers('iot_dead_letters')
  /** Positions of the sink and of the consumer. */
  async function positions(): Promise<number[]> {
    const found = await database
      .query<{ o: string }>('select next_offset as o from iot_ledger')
      .catch(() => [])
    return found.map(({ o }) => Number(o))
  }
  async function untilSettled(): Promise<void> {
    let found: number[] = []
    await until(
      () => `all is settled (positions: ${found.join(', ')})`,
      async () => {
        found = await positions()
        return found.length === 2 && found.every((position) => position === COUNT)
      },
    )
  }

  it('becomes rows in one transaction for each batch, with what the flow has computed', async () => {
    await loadFlow(modules, flow('msg.payload = JSON.stringify({ n, square: n * n }); return msg'))
    await untilSettled()
    assert.deepEqual(await rows(), upTo(COUNT))
    const [sum] = await database.query<{ sum: number }>(
      `select sum((payload->>'square')::int)::int as sum from iot_messages`,
    )
    assert.equal(
      sum?.sum,
      upTo(COUNT).reduce((total, n) => total + n * n, 0),
    )
  })

  it('leaves no record behind that a node in between has failed: it becomes a dead letter, and the others rows', async () => {
    await loadFlow(modules, flow('if (n === 7 || n === 31) throw new Error("no"); return msg'))
    await untilSettled()
    assert.deepEqual(await letters(), [7, 31])
    assert.deepEqual(
      await rows(),
      upTo(COUNT).filter((n) => n !== 7 && n !== 31),
    )
  })

  it('is stored without what a dead letter after a Catch node has', async () => {
    const caught = node('catch', 'catch', { scope: ['each'] }, ['dead'])
    await loadFlow(modules, flow('if (n === 7) throw new Error("no"); return msg', caught))
    await untilSettled()
    assert.deepEqual(await letters(), [7])
    assert.deepEqual(
      await rows(),
      upTo(COUNT).filter((n) => n !== 7),
    )
  })

  it('is stored without a record that comes when it has left the join, which a dead letter can have', async () => {
    const early = 'if (n !== 7) return msg; setTimeout(() => node.send(msg), 300)'
    const caught = node('catch', 'catch', { scope: ['join'] }, ['dead'])
    await loadFlow(modules, flow(early, caught))
    await untilSettled()
    await until('the late record is a dead letter', async () => (await letters()).length > 0)
    assert.deepEqual(await letters(), [7])
    assert.deepEqual(
      await rows(),
      upTo(COUNT).filter((n) => n !== 7),
    )
  })

  it('is stored once after a deploy that takes all nodes away while its messages are between split and join', async () => {
    const entries = flow(
      'if (n % 2) return node.done(); setTimeout(() => { node.send(msg); node.done() }, n * 200)',
    )
    await loadFlow(modules, entries)
    await until('messages wait at the join', () =>
      statusesOf('join').some((text) => text.includes('waiting')),
    )
    assert.deepEqual(await rows(), [])
    const fast = entries.map((entry) =>
      entry.id === 'each' ? { ...entry, func: String(entry.func).replace('200', '1') } : entry,
    )
    await deploy(fast, 'full')
    await untilSettled()
    assert.deepEqual(
      await rows(),
      upTo(COUNT).filter((n) => n % 2 === 0),
    )
    assert.deepEqual(await letters(), [])
  })
})

function statusesOf(id: string): string[] {
  const node = helper.getNode(id) as {
    status: { getCalls(): { thisValue: unknown; args: [{ text?: string }] }[] }
  }
  const calls = node.status.getCalls().filter(({ thisValue }) => thisValue === node)
  return calls.map(({ args }) => args[0].text ?? '')
}
