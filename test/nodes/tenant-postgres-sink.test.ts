import assert from 'node:assert/strict'
import type { Node } from 'node-red'
import tenantDeadLetter from '../../nodes/tenant-dead-letter/tenant-dead-letter'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import tenantPostgres from '../../nodes/tenant-postgres/tenant-postgres'
import tenantPostgresSink from '../../nodes/tenant-postgres-sink/tenant-postgres-sink'
import tenantTopic from '../../nodes/tenant-topic/tenant-topic'
import type { Message } from '../../src/wire/message'
import type { PostgresNode } from '../../src/postgres/require-postgres'
import { partitionName } from '../../src/postgres/table/partitions'
import { clockAheadBy } from '../support/clock-ahead'
import { func } from '../support/delivery-flow'
import { deliveryNodes, type TestSink, type TestSource } from '../support/delivery-nodes'
import { startOwnPostgres } from '../../dev/services/postgres'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import {
  deploy,
  helper,
  loadFlow,
  startRuntime,
  statusText,
  stopRuntime,
  untilLogged,
  type FlowEntry,
} from '../support/runtime'
import { range, record, records } from '../support/sink'
import { until } from '../support/until'

const DAY_MS = 86_400_000
const tab = { id: 'tab', type: 'tab', label: 'test' }
const entry = (id: string, type: string, wires: string[][], more: object = {}): FlowEntry => ({
  id,
  type,
  z: 'tab',
  wires,
  ...more,
})
const source = (...wires: string[]) => entry('source', 'test-source', [wires])
const sink = (more: object = {}, ...wires: string[]) =>
  entry('rows', 'tenant-postgres-sink', [wires], { database: 'db', ...more })
const databaseAt = (url: string): FlowEntry => ({ id: 'db', type: 'tenant-postgres', address: 'url', url })
const modules = [
  deliveryNodes,
  tenantDeadLetter,
  tenantKafkaCluster,
  tenantPostgres,
  tenantPostgresSink,
  tenantTopic,
]

const batch = (from: number, to: number): Message => ({
  batch: true,
  payload: records(from, to),
  kafka: range(from, to),
})

/** A batch of this many records; the second, or the only one, can never become a row. */
function withRubbish(count: number): Message {
  const all = records(0, count)
  const at = Math.min(1, count - 1)
  return { ...batch(0, count), payload: all.with(at, record(at, { payload: Buffer.from('rubbish') })) }
}

describe('tenant-postgres-sink', () => {
  let test: TestDatabase
  let database: FlowEntry
  before(startRuntime)
  after(stopRuntime)
  beforeEach(async () => {
    test = await createTestDatabase()
    database = databaseAt(test.url)
  })
  afterEach(async () => {
    await helper.unload()
    await test.drop()
  })

  async function run(...flow: FlowEntry[]): Promise<TestSource> {
    await loadFlow(modules, [tab, ...flow])
    return helper.getNode('source') as TestSource
  }
  const offsets = async (): Promise<number[]> =>
    (await test.query<{ o: string }>('select kafka_offset as o from iot_messages order by 1')).map(({ o }) =>
      Number(o),
    )

  it('settles a batch when it is committed, and moves the position', async () => {
    const from = await run(source('rows'), sink(), database)
    assert.equal((await from.emitMessage(batch(0, 5))).outcome, 'delivered')
    assert.deepEqual(await offsets(), [0, 1, 2, 3, 4])
    const { database: shared } = helper.getNode('db') as PostgresNode
    const query = { clusterId: 'c', group: 'g', topic: 'iot-messages', partition: 0 }
    assert.deepEqual((await shared!.ledger.consumers.positions(query, 1)).sinks, {
      smallest: 5,
      largest: 5,
    })
    const sinks = await test.query('select sink, target from iot_ledger')
    assert.deepEqual(sinks, [{ sink: 'public.iot_messages', target: 'public.iot_messages' }])
  })

  describe('does not move its position past records that have failed before it', () => {
    const topicNode = (...wires: string[][]) =>
      entry('topic', 'tenant-topic', wires, { pattern: 'a/{tenant}/{project}' })
    /** Three records; the topic of one is foreign. */
    const mixed = (): Message => ({
      ...batch(0, 3),
      payload: [0, 1, 2].map((offset) => record(offset, { topic: offset === 1 ? 'foreign' : 'a/t/p' })),
    })
    const rest = (...left: number[]): Message => ({
      ...batch(0, 3),
      payload: left.map((offset) => record(offset, { topic: 'a/t/p' })),
    })

    it('and that are stored nowhere: they are not lost when they come again, repaired', async () => {
      const from = await run(source('topic'), topicNode(['rows'], []), sink(), database)
      const { outcome, error, stored } = await from.emitMessage(mixed())
      assert.deepEqual([outcome, error?.code, stored], ['failed', 'TOPIC_NO_MATCH', undefined])
      assert.equal((await from.emitMessage(rest(0, 1, 2))).outcome, 'delivered')
      assert.deepEqual(await offsets(), [0, 1, 2])
    })

    it('until another sink has stored them: then the rest is written at once', async () => {
      const letters = entry('letters', 'test-sink', [])
      const from = await run(source('topic'), topicNode(['rows'], ['letters']), sink(), letters, database)
      assert.equal((await from.emitMessage(mixed())).outcome, 'delivered')
      assert.deepEqual(await offsets(), [0, 2])
      assert.equal((helper.getNode('letters') as TestSink).received.length, 1)
    })

    describe('or that another copy of the batch carries', () => {
      const letters = entry('letters', 'test-sink', [])
      /** Records of foreign topics leave by the second output, without an error. */
      const split = entry('split', 'function', [['rows'], ['letters']], {
        func: `const [good, bad] = ['a/t/p', 'foreign'].map((topic) => msg.payload.filter((one) => one.topic === topic))
               return [{ ...msg, payload: good }, { ...msg, payload: bad }]`,
        outputs: 2,
        libs: [],
      })
      /** The other sink holds what it got, and this one has written what has come meanwhile from another partition. */
      async function held(from: TestSource): Promise<NonNullable<TestSink['holding']>> {
        const other = helper.getNode('letters') as TestSink
        const copies = (other.holding = [])
        await until('the other sink has its copy', () => copies.length === 1)
        const elsewhere = { batch: true, payload: [record(9, { topic: 'a/t/p' })], kafka: range(9, 10, 1) }
        const second = from.emitMessage(elsewhere)
        await until('the other sink has the copy of the second batch', () => copies.length === 2)
        ;(copies as { confirm(): void }[])[1]?.confirm()
        assert.equal((await second).outcome, 'delivered')
        return copies
      }

      it('until that is stored: then the rest is written', async () => {
        const from = await run(source('split'), split, sink(), letters, database)
        const settled = from.emitMessage(mixed(), 60_000)
        const [copy] = await held(from)
        assert.deepEqual(await offsets(), [9])
        copy?.confirm()
        assert.equal((await settled).outcome, 'delivered')
        assert.deepEqual(await offsets(), [0, 2, 9])
      })

      for (const [what, other, outcome, written] of [
        ['is dropped', entry('letters', 'debug', [], { active: false }), 'delivered', [0, 2]],
        ['fails', func('letters', 'throw new Error("bad")'), 'failed', []],
        [
          'goes to a sink by ledger that waits as well',
          sink({ id: 'letters', table: 'others' }),
          'delivered',
          [0, 2],
        ],
      ] as const) {
        it(`until that ${what}`, async () => {
          const from = await run(source('split'), split, sink(), other, database)
          await untilLogged('rows', 'POSTGRES_READY')
          assert.equal((await from.emitMessage(mixed())).outcome, outcome)
          assert.deepEqual(await offsets(), written)
        })
      }

      it('so a crash in between loses none: they become rows when they come again to a changed flow', async () => {
        const from = await run(source('split'), split, sink(), letters, database)
        void from.emitMessage(mixed(), 60_000)
        await held(from)
        await deploy([tab, source('rows'), sink(), database], 'full')
        const again = helper.getNode('source') as TestSource
        assert.equal((await again.emitMessage(mixed())).outcome, 'delivered')
        assert.deepEqual(await offsets(), [0, 1, 2, 9])
      })
    })

    it('and writes a batch of which another copy has failed elsewhere', async () => {
      const branch = entry('branch', 'function', [[]], {
        func: 'throw new Error("bad")',
        outputs: 1,
        libs: [],
      })
      const from = await run(source('branch', 'rows'), branch, sink(), database)
      assert.equal((await from.emitMessage(rest(0, 1, 2))).outcome, 'failed')
      assert.deepEqual(await offsets(), [0, 1, 2])
    })
  })

  it('stores batches that come late, unless later records of their partition are stored already, and says so', async () => {
    const old = entry('old', 'test-old-node', [['rows']], { delayMs: 600 })
    const from = await run(source('old'), old, sink(), database)
    const emit = (first: number): Promise<unknown> => from.emitMessage(batch(first, first + 1))
    await Promise.all(Array.from({ length: 10 }, (_, first) => emit(first)))
    await emit(12)
    const stored = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12]
    await until('all are stored', async () => (await offsets()).length === stored.length)
    await emit(10)
    const { warn, error } = helper.getNode('rows') as Record<
      'warn' | 'error',
      { getCalls(): { args: [{ code?: string }] }[] }
    >
    const says = (log: typeof warn) => log.getCalls().some(({ args: [said] }) => said.code === 'LATE_COPY')
    await until('the one that is too late is refused', () => says(error))
    assert.ok(says(warn))
    assert.deepEqual(await offsets(), stored)
  })

  it('writes exactly what a Function node has left of a batch', async () => {
    const filter = entry('filter', 'function', [['rows']], {
      func: 'msg.payload = msg.payload.filter((record) => record.kafka.offset % 2 === 0); return msg',
    })
    const from = await run(source('filter'), filter, sink(), database)
    assert.equal((await from.emitMessage(batch(0, 6))).outcome, 'delivered')
    assert.equal((await from.emitMessage(batch(0, 6))).outcome, 'delivered')
    assert.deepEqual(await offsets(), [0, 2, 4])
  })

  it('keeps what is no record in a batch as dead letters, whole, and writes its neighbors once', async () => {
    const odd = entry('odd', 'function', [['rows']], {
      func: `const [first, , , last] = msg.payload
        msg.payload = [first, null, Buffer.from('bytes'), last]; return msg`,
    })
    for (const tenancy of ['shared', 'schema']) {
      const from = await run(source('odd'), odd, sink({ tenancy, ledgerName: tenancy }), database)
      assert.equal((await from.emitMessage(batch(0, 4))).outcome, 'delivered', tenancy)
      await helper.unload()
    }
    assert.deepEqual(await offsets(), [0, 3])
    const letters = await test.query<{ code: string; payload: Buffer | null }>(
      'select code, payload from iot_dead_letters order by code, payload',
    )
    assert.deepEqual(
      letters.slice(0, 2).map(({ code, payload }) => [code, payload && payload.toString()]),
      [
        ['RECORD_INVALID', 'bytes'],
        ['RECORD_INVALID', null],
      ],
    )
    assert.equal(letters.length, 4)
  })

  it('writes into a schema for each tenant when asked to', async () => {
    const schemas = sink({ tenancy: 'schema', tenantSchema: 'of_{tenant}' })
    const from = await run(source('rows'), schemas, database)
    assert.equal((await from.emitMessage(batch(0, 5))).outcome, 'delivered')
    assert.equal((await test.query('select 1 from of_t1.iot_messages')).length, 2)
  })

  it('refuses the second copy of a batch: the ledger has room for one', async () => {
    const double = entry('double', 'function', [['rows']], {
      func: `const [a, b] = [msg, RED.util.cloneMessage(msg)]
        a.payload = a.payload.slice(0, 2); b.payload = b.payload.slice(2); return [[a, b]]`,
    })
    const from = await run(source('double'), double, sink(), database)
    const { outcome, error } = await from.emitMessage(batch(0, 4))
    assert.equal(outcome, 'failed')
    assert.deepEqual([error?.code, error?.retryable], ['BATCH_TWICE', false])
  })

  it('refuses a batch that another sink of the same table has got, until one has a name in the ledger of its own', async () => {
    const other = { ...sink(), id: 'other' }
    const from = await run(source('rows', 'other'), sink(), other, database)
    const { outcome, error } = await from.emitMessage(batch(0, 4))
    assert.equal(outcome, 'failed')
    assert.deepEqual([error?.code, error?.retryable], ['LEDGER_NAME_TWICE', true])
    assert.match(error?.message ?? '', /Give this sink a "Name in ledger" of its own/)
    await deploy([tab, source('rows', 'other'), sink(), { ...other, ledgerName: 'twice' }, database], 'nodes')
    assert.equal((await from.emitMessage(batch(0, 4))).outcome, 'delivered')
    assert.deepEqual(await offsets(), [0, 0, 1, 1, 2, 2, 3, 3])
  })

  it('refuses the name in the ledger of a sink of another table, also through another configuration', async () => {
    const named = { ledgerName: 'named' }
    const other = { ...sink({ ...named, database: 'db2', table: 'other' }), id: 'other' }
    const second = { ...databaseAt(test.url.replace('127.0.0.1', 'localhost')), id: 'db2' }
    const flow = [tab, sink(named), database, second]
    await loadFlow(modules, [...flow, source('rows')])
    const emit = (from: number, to: number) =>
      (helper.getNode('source') as TestSource).emitMessage(batch(from, to), 60_000)
    assert.equal((await emit(0, 4)).outcome, 'delivered')
    await deploy([...flow, source('rows', 'other'), other], 'nodes')
    const settled = emit(4, 8)
    await until('it has its reason', () => /^name in ledger is taken/.test(statusText('other')))
    await deploy([...flow, source('rows', 'other'), { ...other, ledgerName: '' }], 'nodes')
    assert.equal((await settled).outcome, 'failed')
    assert.equal((await emit(4, 8)).outcome, 'delivered')
    assert.deepEqual(await test.query('select count(*)::int as n from other'), [{ n: 4 }])
    assert.equal((await offsets()).length, 8)
  })

  it('refuses single records from Kafka by ledger, and says which choice to make', async () => {
    const from = await run(source('rows'), sink(), database)
    const { outcome, error } = await from.emitMessage({ ...record(0) })
    assert.equal(outcome, 'failed')
    assert.equal(error?.retryable, false)
    assert.match(error.message, /choose "exactly once by key"/)
  })

  it('writes single records by key, each once', async () => {
    const from = await run(source('rows'), sink({ exactlyOnce: 'key' }), database)
    const same = records(0, 3)
    for (let round = 0; round < 2; round++) {
      const settled = await Promise.all(same.map((one) => from.emitMessage({ ...one })))
      assert.deepEqual(new Set(settled.map(({ outcome }) => outcome)), new Set(['delivered']))
    }
    assert.deepEqual(await offsets(), [0, 1, 2])
  })

  it('writes a message that no source of ours has sent', async () => {
    const from = await run(source(), sink(), database)
    ;(helper.getNode('rows') as Node).receive({ payload: { a: 1 }, tenant: 't' })
    await until(async () => {
      const found = await test.query<{ t: string | null }>(`select to_regclass('iot_messages')::text as t`)
      return typeof found[0]?.t === 'string' && (await test.query('select 1 from iot_messages')).length === 1
    })
    assert.ok(from)
  })

  it('keeps rejected records in a table', async () => {
    const from = await run(source('rows'), sink(), database)
    const message = withRubbish(3)
    assert.equal((await from.emitMessage(message)).outcome, 'delivered')
    assert.deepEqual(await offsets(), [0, 2])
    const letters = await test.query('select kafka_offset, node_id from iot_dead_letters')
    assert.deepEqual(letters, [{ kafka_offset: '1', node_id: 'rows' }])
  })

  it('hands rejected records to its output, and writes the batch when they are safe there', async () => {
    const dead = entry('dead', 'tenant-dead-letter', [], { target: 'table', database: 'db' })
    const from = await run(source('rows'), sink({ deadLetters: 'output' }, 'dead'), dead, database)
    const message = withRubbish(3)
    assert.equal((await from.emitMessage(message)).outcome, 'delivered')
    assert.deepEqual(await offsets(), [0, 2])
    const letters = await test.query('select code, node_id, kafka_offset from iot_dead_letters')
    assert.deepEqual(letters, [{ code: 'JSON_INVALID', node_id: 'rows', kafka_offset: '1' }])
  })

  it('does not write a batch before its rejected records are safe', async () => {
    const from = await run(
      source('rows'),
      sink({ deadLetters: 'output' }, 'sink'),
      entry('sink', 'test-sink', []),
      database,
    )
    const rejects = helper.getNode('sink') as TestSink
    rejects.holding = []
    const message = withRubbish(2)
    const settled = from.emitMessage(message)
    await until(() => rejects.holding?.length === 1)
    assert.deepEqual(await offsets(), [])
    const [held] = rejects.holding
    assert.deepEqual(held?.message.error, {
      message: 'the payload is not JSON',
      code: 'JSON_INVALID',
      source: { id: 'rows', type: 'tenant-postgres-sink' },
    })
    held?.confirm()
    assert.equal((await settled).outcome, 'delivered')
    assert.deepEqual(await offsets(), [0])
  })

  it('sends a rejected record again that the flow has ended without storing it', async () => {
    const dead = entry('dead', 'tenant-dead-letter', [], { target: 'table', database: 'db' })
    const gate = entry('gate', 'function', [['dead']], { func: 'return flow.get("open") ? msg : null' })
    const from = await run(source('rows'), sink({ deadLetters: 'output' }, 'gate'), gate, dead, database)
    const settled = from.emitMessage(withRubbish(2))
    await until(() => statusText('rows') === 'rejected records not stored, 1 batch waiting')
    await untilLogged('rows', 'REJECTS_WAITING')
    assert.deepEqual(await offsets(), [])
    ;(helper.getNode('gate') as Node).context().flow.set('open', true)
    assert.equal((await settled).outcome, 'delivered')
    await until(() => /^\d+\/s · 0 in flight · 1 rejected/.test(statusText('rows')))
    await untilLogged('rows', 'REJECTS_BACK')
    assert.deepEqual(await offsets(), [0])
    assert.deepEqual(await test.query('select kafka_offset from iot_dead_letters'), [{ kafka_offset: '1' }])
  })

  it('takes a rejected record for safe that the flow has ended, when that is chosen', async () => {
    const debug = entry('debug', 'debug', [], { active: false })
    const from = await run(source('rows'), sink({ deadLetters: 'outputUnstored' }, 'debug'), debug, database)
    assert.equal((await from.emitMessage(withRubbish(2))).outcome, 'delivered')
    assert.deepEqual(await offsets(), [0])
  })

  it('fails a batch with rejected records for good when its output is chosen and not wired', async () => {
    const from = await run(source('rows'), sink({ deadLetters: 'output' }), database)
    await untilLogged('rows', 'REJECTS_UNWIRED')
    const message = withRubbish(1)
    const { outcome, error } = await from.emitMessage(message)
    assert.deepEqual([outcome, error?.code, error?.retryable], ['failed', 'REJECTED_UNWIRED', false])
  })

  it('drops partitions that are older than the retention, and says how many in the log', async () => {
    const from = await run(source('rows'), sink(), database)
    assert.equal((await from.emitMessage(batch(0, 1))).outcome, 'delivered')
    const today = Math.floor(Date.now() / DAY_MS)
    // Rows of every day until now: without them the drop would wait for a day.
    for (let day = today - 4; day < today; day++) {
      const [begin, end] = [day, day + 1].map((n) => new Date(n * DAY_MS).toISOString())
      const name = partitionName({ schema: 'public', table: 'iot_messages' }, day)
      // In one transaction: the sink may drop an old one at once.
      await test.query(`create table if not exists ${name} partition of iot_messages
                          for values from ('${begin}') to ('${end}');
                        insert into iot_messages (time) values ('${begin}')`)
    }
    await deploy([tab, source('rows'), sink({ name: 'deployed again' }), database], 'nodes')
    await untilLogged('rows', 'POSTGRES_OUTDATED')
    assert.equal(
      (await test.query(`select from iot_messages where time < now() - interval '4 days'`)).length,
      0,
    )
  })

  it('stays up without a server, says so, and writes when it appears', async () => {
    const server = await startOwnPostgres()
    await server.kill()
    try {
      const from = await run(source('rows'), sink(), databaseAt(server.address))
      const settled = from.emitMessage(batch(0, 2))
      await until(() => statusText('rows') === 'PostgreSQL: not reachable, 1 batch waiting')
      await server.restart()
      assert.equal((await settled).outcome, 'delivered')
      await until(() => /^\d+\/s · 0 in flight$/.test(statusText('rows')))
    } finally {
      await helper.unload()
      await server.stop()
    }
  })

  it('has nothing to write, and notices within 30 s that its server is gone, and that it is back; so does a dead letter', async () => {
    const server = await startOwnPostgres()
    try {
      const dead = entry('dead', 'tenant-dead-letter', [], { target: 'table', database: 'db' })
      const from = await run(source('rows'), sink(), dead, databaseAt(server.address))
      assert.equal((await from.emitMessage(batch(0, 2))).outcome, 'delivered')
      await until(() => /^\d+\/s · 0 in flight$/.test(statusText('rows')))
      await server.kill()
      await clockAheadBy(30_000, async () => {
        await untilLogged('rows', 'POSTGRES_AWAY')
        await untilLogged('dead', 'DEAD_LETTERS_WAITING')
        assert.equal(statusText('rows'), 'PostgreSQL: not reachable')
      })
      await server.restart()
      await clockAheadBy(60_000, async () => {
        await untilLogged('rows', 'POSTGRES_BACK')
        await untilLogged('dead', 'DEAD_LETTERS_BACK')
      })
    } finally {
      await helper.unload()
      await server.stop()
    }
  })

  it('loses nothing that it holds in a redeploy: the source sends it again', async () => {
    const flow = [tab, source('rows'), sink(), database]
    const from = await run(...flow.slice(1))
    await from.emitMessage(batch(0, 2))
    const locker = await lockTable(test)
    const lost = from.emitMessage(batch(2, 4))
    // `pg_locks` has those of the whole server, which other files use as well.
    const waiting =
      'select 1 from pg_locks join pg_database on oid = database where not granted and datname = current_database()'
    await until(async () => (await test.query(waiting)).length > 0)
    const deployed = deploy([...flow.slice(0, 2), sink({ name: 'changed' }), database], 'nodes')
    await locker.release()
    await deployed
    // The drain has let the transaction finish; either way the same batch again is stored once.
    void lost
    const again = helper.getNode('source') as TestSource
    assert.equal((await again.emitMessage(batch(2, 4))).outcome, 'delivered')
    assert.deepEqual(await offsets(), [0, 1, 2, 3])
  })

  for (const [what, wrong, text] of [
    ['a table name with a quote', { table: 'a"b' }, 'check "table"'],
    ['columns that are no JSON', { columns: '[' }, 'check the columns'],
    ['a key without the tenant', { exactlyOnce: 'key', key: 'message_id' }, 'check "key"'],
    [
      'a reader role together with compression',
      { readerRole: 'r', compressAfterDays: 7 },
      'check "compressAfterDays"',
    ],
    [
      'a reader role where tenants have schemas',
      { readerRole: 'r', tenancy: 'schema' },
      'check "readerRole"',
    ],
    ['no database', { database: '' }, 'choose a PostgreSQL database'],
  ] as const) {
    it(`refuses ${what} when it is deployed`, async () => {
      const from = await run(source('rows'), sink(wrong), database)
      assert.equal(statusText('rows'), text)
      const { outcome, error } = await from.emitMessage(batch(0, 1))
      assert.deepEqual([outcome, error?.retryable], ['failed', true])
    })
  }
})

async function lockTable(test: TestDatabase): Promise<{ release: () => Promise<void> }> {
  const { Client } = await import('pg')
  const client = new Client({ connectionString: test.url })
  await client.connect()
  await client.query('begin; lock table iot_messages in exclusive mode')
  return {
    release: async () => {
      await client.query('commit')
      await client.end()
    },
  }
}
