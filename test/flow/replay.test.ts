/** Dead letters of a real PostgreSQL that go through a flow again: to which end, how often, and what is noted. */
import assert from 'node:assert/strict'
import tenantDeadLetter from '../../nodes/tenant-dead-letter/tenant-dead-letter'
import tenantDeadLetterSource from '../../nodes/tenant-dead-letter-source/tenant-dead-letter-source'
import tenantKafkaCluster from '../../nodes/tenant-kafka-cluster/tenant-kafka-cluster'
import tenantPostgres from '../../nodes/tenant-postgres/tenant-postgres'
import tenantPostgresSink from '../../nodes/tenant-postgres-sink/tenant-postgres-sink'
import type { Message } from '../../src/wire/message'
import { createDeadLetterTable, insertDeadLetters } from '../../src/postgres/dead-letters/dead-letter-table'
import { PipelineError } from '../../src/wire/errors'
import { deadLettersOf } from '../../src/dead-letters/dead-letter'
import { func, node, permanent, sink, turns } from '../support/delivery-flow'
import { deliveryNodes, type TestSink } from '../support/delivery-nodes'
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

const modules = [
  deliveryNodes,
  tenantDeadLetter,
  tenantDeadLetterSource,
  tenantKafkaCluster,
  tenantPostgres,
  tenantPostgresSink,
]
const TABLE = 'iot_dead_letters'

interface Receiver {
  receive(message: Message): void
}

interface Letter {
  readonly message_id: string
  readonly attempts: string
  readonly replayed_at: Date | null
  readonly replay_outcome: string | null
  readonly replayed_by: string[] | null
}

describe('a replay of dead letters', () => {
  let test: TestDatabase

  before(startRuntime)
  after(stopRuntime)
  beforeEach(async () => {
    test = await createTestDatabase()
    await test.query(createDeadLetterTable(TABLE))
  })
  afterEach(async () => {
    await helper.unload()
    await test.drop()
  })

  /** Writes dead letters of these records; they have failed one second after the other. */
  async function store(...messages: Message[]): Promise<void> {
    const failedAt = Date.now() - 1_000_000
    const letters = messages.flatMap((message, n) =>
      deadLettersOf(message, { now: () => failedAt + n * 1000, newId: () => crypto.randomUUID() }),
    )
    const { text, values } = insertDeadLetters(TABLE, letters)
    await test.query(text, values)
  }

  const record = (n: number, more: Message = {}): Message => ({
    topic: `rt/t${n % 2}/p/d`,
    payload: Buffer.from(`{"n":${n}}`),
    tenant: `t${n % 2}`,
    project: 'p',
    messageId: `m${n}`,
    receivedAt: Date.now() - 5000,
    kafka: { clusterId: 'c', topic: 'iot-messages', partition: 1, offset: n, key: `k${n}`, timestamp: 1 },
    error: { message: 'why', code: n % 2 === 0 ? 'EVEN' : 'ODD', source: { id: 'gone', type: 't' } },
    ...more,
  })
  const records = (count: number): Message[] => Array.from({ length: count }, (_, n) => record(n))

  const replayer = (more: object, ...wires: string[]): FlowEntry =>
    node('replay', 'tenant-dead-letter-source', { database: 'db', ...more }, wires, ['answer'])
  const rows = (more: object = {}, ...wires: string[]): FlowEntry =>
    node('rows', 'tenant-postgres-sink', { database: 'db', lingerMs: 1, ...more }, wires)
  const deadLetters = node('dead', 'tenant-dead-letter', { target: 'table', database: 'db' })

  const flow = (...entries: FlowEntry[]): FlowEntry[] => [
    { id: 'tab', type: 'tab' },
    { id: 'db', type: 'tenant-postgres', address: 'url', url: test.url },
    sink('answer'),
    ...entries,
  ]
  const start = (...entries: FlowEntry[]): Promise<void> => loadFlow(modules, flow(...entries))

  const received = (id: string): Message[] => (helper.getNode(id) as TestSink).received

  /** Asks the source, and waits for its answer. */
  async function ask(message: Message = {}): Promise<Message> {
    const before = received('answer').length
    ;(helper.getNode('replay') as Receiver).receive(message)
    await until('there is an answer', () => received('answer').length > before)
    return received('answer').at(-1) as Message
  }

  async function counts(message?: Message): Promise<Record<string, unknown>> {
    const { payload } = await ask(message)
    const { action, ...report } = payload as Record<string, unknown>
    assert.equal(action, 'replay')
    return Object.fromEntries(Object.entries(report).filter(([, value]) => value !== 0))
  }

  const letters = (): Promise<Letter[]> => test.query<Letter>(`select * from ${TABLE} order by failed_at, id`)
  const count = async (table: string): Promise<number> =>
    Number((await test.query<{ n: string }>(`select count(*) as n from ${table}`))[0]?.n)

  it('sends them as the consumer sends records, the oldest first, and marks what the flow has stored', async () => {
    await store(
      record(0, {
        device: 'd7',
        levels: { tenant: 't0', site: 's1' },
        userProperties: { tags: ['a', 'b'] },
        retain: true,
      }),
      record(1),
    )
    await start(replayer({}, 'sink'), sink())
    assert.deepEqual(received('sink'), [])
    assert.deepEqual(await counts(), { found: 2, delivered: 2 })
    const [first, second] = received('sink')
    assert.deepEqual(first?.payload, Buffer.from('{"n":0}'))
    const { topic, tenant, project, device, messageId, levels, userProperties, retain } = first
    assert.deepEqual(
      { topic, tenant, project, device, messageId, levels, userProperties, retain },
      {
        topic: 'rt/t0/p/d',
        tenant: 't0',
        project: 'p',
        device: 'd7',
        messageId: 'm0',
        levels: { tenant: 't0', project: 'p', device: 'd7', site: 's1' },
        userProperties: { tags: ['a', 'b'] },
        retain: true,
      },
    )
    const { headers, timestamp, ...position } = first.kafka as Record<string, unknown>
    assert.deepEqual(position, {
      clusterId: 'c',
      topic: 'iot-messages',
      partition: 1,
      offset: 0,
      key: Buffer.from('k0'),
    })
    assert.equal(timestamp, first.receivedAt)
    assert.equal((headers as Record<string, string>)['dead-letter-attempts'], '1')
    assert.equal(first.error, undefined)
    assert.equal(second?.messageId, 'm1')
    for (const { replayed_at, replay_outcome } of await letters()) {
      assert.ok(replayed_at instanceof Date)
      assert.equal(replay_outcome, 'delivered')
    }
    assert.deepEqual(await counts(), {})
    assert.equal(received('sink').length, 2)
  })

  it('takes those of a tenant, a reason and a time, up to a limit, and a message only narrows that', async () => {
    await store(...records(10))
    const [first] = await test.query<{ at: Date }>(`select min(failed_at) as at from ${TABLE}`)
    const second = (n: number): string => new Date((first?.at.getTime() ?? 0) + n * 1000).toISOString()
    await start(replayer({ tenant: 't0', from: second(2) }, 'sink'), sink())
    assert.deepEqual(await counts({ payload: { to: second(4) } }), { found: 1, delivered: 1 })
    assert.deepEqual(await counts({ payload: { reason: 'ODD' } }), {})
    assert.deepEqual(await counts({ payload: { reason: 'EVEN', limit: 2, from: second(0) } }), {
      found: 2,
      delivered: 2,
    })
    assert.deepEqual(
      received('sink').map(({ messageId }) => messageId),
      ['m2', 'm4', 'm6'],
    )
    assert.deepEqual(await counts({ payload: Date.now() }), { found: 1, delivered: 1 })
  })

  it('refuses what it does not understand, instead of replaying everything', async () => {
    await store(record(0))
    const caught = node('catch', 'catch', { scope: null }, ['errors'])
    await start(replayer({ tenant: 't0' }, 'sink'), sink(), caught, sink('errors'))
    const wrong: Message[] = [
      { payload: { tennant: 't0' } },
      { payload: { tenant: 't1' } },
      { payload: { tenant: 5 } },
      { payload: { from: 'yesterday' } },
      { payload: { limit: 0 } },
      { payload: { before: 'x' } },
      { payload: 't0' },
      { payload: ['t0'] },
      { payload: Buffer.from('t0') },
      { action: 'delete' },
    ]
    for (const message of wrong) (helper.getNode('replay') as Receiver).receive(message)
    await until('all are refused', () => received('errors').length === wrong.length)
    assert.deepEqual(received('sink'), [])
    assert.equal((await letters())[0]?.replayed_at, null)
  })

  it('does nothing while nothing is wired, because the letters would be marked as ended by the flow', async () => {
    await store(record(0))
    const caught = node('catch', 'catch', { scope: null }, ['errors'])
    await start(replayer({}), caught, sink('errors'))
    ;(helper.getNode('replay') as Receiver).receive({})
    await until('it is refused', () => received('errors').length === 1)
    assert.equal((await letters())[0]?.replayed_at, null)
  })

  it('marks as filtered what the flow ends on purpose, and leaves what it fails', async () => {
    await store(...records(3))
    const body =
      'if (msg.messageId == "m0") return null; if (msg.messageId == "m1") throw new Error("no"); return msg'
    await start(replayer({}, 'n'), func('n', body, ['sink']), sink())
    assert.deepEqual(await counts(), { found: 3, delivered: 1, filtered: 1, failed: 1 })
    assert.deepEqual(
      (await letters()).map(({ replay_outcome }) => replay_outcome),
      ['filtered', null, 'delivered'],
    )
    for (const code of ['REPLAYED', 'REPLAY_FAILED']) assert.ok(loggedCodes('replay').includes(code), code)
  })

  it('gives up a letter that always fails after a number of attempts, and says so', async () => {
    await store(record(0))
    await start(replayer({ maxAttempts: 3 }, 'sink'), sink())
    ;(helper.getNode('sink') as TestSink).failure = permanent
    assert.deepEqual(await counts(), { found: 1, failed: 1 })
    assert.deepEqual(await counts(), { found: 1, failed: 1 })
    assert.deepEqual(await counts(), { spent: 1 })
    assert.deepEqual(await counts(), { spent: 1 })
    assert.equal(received('sink').length, 2)
    const [letter] = await letters()
    assert.deepEqual([letter?.attempts, letter?.replayed_at], ['3', null])
  })

  it('does not count what fails because a service is down', async () => {
    await store(record(0))
    await start(replayer({}, 'sink'), sink())
    ;(helper.getNode('sink') as TestSink).failure = new PipelineError('AWAY', 'away', { retryable: true })
    for (let run = 0; run < 5; run++) assert.deepEqual(await counts(), { found: 1, failed: 1 })
    assert.equal((await letters())[0]?.attempts, '1')
  })

  it('ends also when each failure creates a new dead letter: by the sink, and by a dead-letter node', async () => {
    const payload = Buffer.from('no JSON')
    const noted = { ...record(1), payload }
    await store({ ...noted, kafka: undefined }, { ...noted, messageId: undefined })
    const failing = func('fails', 'node.error("never", msg)', [])
    for (const behind of [
      [replayer({}, 'rows'), rows()],
      [replayer({}, 'fails'), failing, node('catch', 'catch', { scope: ['fails'] }, ['dead']), deadLetters],
    ]) {
      await start(...behind)
      assert.deepEqual(await counts(), { found: 2, delivered: 2 })
      assert.deepEqual(await counts(), { found: 2, delivered: 2 })
      assert.deepEqual(await counts(), { spent: 2 })
      assert.deepEqual(
        (await letters()).map(({ attempts, replayed_at }) => [attempts, replayed_at !== null]).sort(),
        [
          ['1', true],
          ['1', true],
          ['2', true],
          ['2', true],
          ['3', false],
          ['3', false],
        ],
      )
      const kept = await test.query<{ payload: Buffer }>(`select distinct payload from ${TABLE}`)
      assert.deepEqual(kept, [{ payload }])
      await helper.unload()
      await test.query(`update ${TABLE} set replayed_at = null, replayed_by = null where attempts = 1`)
      await test.query(`delete from ${TABLE} where attempts > 1`)
    }
  })

  it('ends also when a Function on the way keeps nothing of the message but its payload', async () => {
    await store({ ...record(0), payload: Buffer.from('no JSON') })
    const stripping = func('strips', 'return { payload: msg.payload }', ['rows'])
    const failing = func('strips', 'node.send({ payload: msg.payload })', ['fails'])
    const fails = func('fails', 'node.error("never", msg)', [])
    const caught = node('catch', 'catch', { scope: ['fails'] }, ['dead'])
    for (const behind of [
      [stripping, rows()],
      [stripping, rows({ exactlyOnce: 'key' })],
      [stripping, rows({ deadLetters: 'output' }, 'dead'), deadLetters],
      [failing, fails, caught, deadLetters],
    ]) {
      await start(replayer({}, 'strips'), ...behind)
      assert.deepEqual(await counts(), { found: 1, delivered: 1 })
      assert.deepEqual(await counts(), { found: 1, delivered: 1 })
      assert.deepEqual(await counts(), { spent: 1 })
      await helper.unload()
      await test.query(`update ${TABLE} set replayed_at = null, replayed_by = null where attempts = 1`)
      await test.query(`delete from ${TABLE} where attempts > 1`)
    }
  })

  it('takes a payload that looks like a dead letter for a payload', async () => {
    const payload = Buffer.from(
      JSON.stringify({ attempts: 99, 'dead-letter-attempts': '99', tenant_id: 'evil', payload: {}, id: 'x' }),
    )
    await store({ ...record(0), payload, userProperties: { 'dead-letter-attempts': '99' } })
    await start(replayer({}, 'sink', 'dead'), sink(), deadLetters)
    await counts()
    const [message] = received('sink')
    assert.deepEqual([message?.payload, message?.tenant], [payload, 't0'])
    assert.deepEqual(
      (await letters()).map(({ attempts }) => attempts),
      ['1', '2'],
    )
  })

  it('leaves letters whose payload is not what came', async () => {
    await store(record(0), { ...record(1), payload: () => undefined })
    await test.query(`update ${TABLE} set payload_is_cut = true where message_id = 'm0'`)
    await start(replayer({}, 'sink'), sink())
    assert.deepEqual(await counts(), { incomplete: 2 })
    assert.deepEqual(received('sink'), [])
  })

  it('writes rows exactly once, however often a replay is interrupted before it has marked them', async () => {
    await store(...records(250))
    await start(replayer({ windowLetters: 20 }, 'rows'), rows({ ledgerName: 'a' }))
    assert.deepEqual(await counts(), { found: 250, delivered: 250 })
    assert.equal(await count('iot_messages'), 250)
    // As if the process had ended after the rows were written, and before the letters were marked.
    await test.query(`update ${TABLE} set replayed_at = null where message_id like '%7'`)
    assert.deepEqual(await counts(), { found: 25, delivered: 25 })
    assert.equal(await count('iot_messages'), 250)
    const [row] = await test.query(`select * from iot_messages where message_id = 'm17'`)
    assert.deepEqual([row?.tenant_id, row?.kafka_offset], ['t1', '17'])
    assert.deepEqual((await letters())[0]?.replayed_by, ['a'])
  })

  it('writes a row exactly once also when a Function on the way keeps nothing of the message but its payload', async () => {
    await store(record(0))
    const strips = func('strips', 'return { payload: msg.payload }', ['rows'])
    await start(replayer({}, 'strips'), strips, rows({ ledgerName: 'a' }))
    assert.deepEqual(await counts(), { found: 1, delivered: 1 })
    await test.query(`update ${TABLE} set replayed_at = null`)
    assert.deepEqual(await counts(), { found: 1, delivered: 1 })
    assert.equal(await count('iot_messages'), 1)
  })

  it('brings a letter to each of two sinks, and again only to the one that has failed', async () => {
    await store(record(0))
    const other = { ...rows({ ledgerName: 'b', table: 'other' }), id: 'other' }
    const entries = [replayer({}, 'rows', 'n'), rows({ ledgerName: 'a' })]
    const fails = func('n', 'throw new Error("not yet")', ['other'])
    await start(...entries, fails, other)
    assert.deepEqual(await counts(), { found: 1, failed: 1 })
    await deploy(flow(...entries, func('n', 'return msg', ['other']), other), 'nodes')
    assert.deepEqual(await counts(), { found: 1, delivered: 1 })
    assert.deepEqual([await count('iot_messages'), await count('other')], [1, 1])
    assert.deepEqual((await letters())[0]?.replayed_by, ['a', 'b'])
  })

  it('writes a batch that the flow builds from one letter as a whole, and refuses two messages built from one', async () => {
    await store(record(0), record(1))
    const body = `const part = { payload: msg.payload, tenant: msg.tenant }
      if (msg.messageId == 'm1') return [[msg, { ...msg }]]
      msg.batch = true; msg.payload = [part, { ...part }]; return msg`
    await start(replayer({}, 'n'), func('n', body, ['rows']), rows())
    assert.deepEqual(await counts(), { found: 2, delivered: 1, failed: 1 })
    assert.deepEqual(
      await test.query(`select tenant_id as t, count(*)::int as n from iot_messages group by 1 order by 1`),
      [
        { t: 't0', n: 2 },
        { t: 't1', n: 1 },
      ],
    )
  })

  it('writes to another database, too, and by key', async () => {
    const other = await createTestDatabase()
    await store(...records(4))
    await start(
      replayer({}, 'rows', 'keyed'),
      { ...rows({ database: 'db2' }), id: 'rows' },
      { ...rows({ exactlyOnce: 'key', table: 'keyed' }), id: 'keyed' },
      { id: 'db2', type: 'tenant-postgres', address: 'url', url: other.url },
    )
    assert.deepEqual(await counts(), { found: 4, delivered: 4 })
    await test.query(`update ${TABLE} set replayed_at = null`)
    assert.deepEqual(await counts(), { found: 4, delivered: 4 })
    assert.equal(await count('keyed'), 4)
    assert.equal(Number((await other.query(`select count(*) as n from iot_messages`))[0]?.n), 8)
    await helper.unload()
    await other.drop()
  })

  it('has one replay at a time', async () => {
    await store(record(0))
    const caught = node('catch', 'catch', { scope: null }, ['errors'])
    await start(replayer({}, 'sink'), sink(), caught, sink('errors'))
    const held = ((helper.getNode('sink') as TestSink).holding = [] as NonNullable<TestSink['holding']>)
    ;(helper.getNode('replay') as Receiver).receive({})
    await until('the sink has the letter', () => held.length === 1)
    ;(helper.getNode('replay') as Receiver).receive({})
    await until('the second one is refused', () => received('errors').length === 1)
    assert.match((received('errors')[0]?.error as { message: string }).message, /under way/)
    held[0]?.confirm()
    await until('the first one is over', () => received('answer').length === 1)
  })

  it('marks what sinks finish while it closes, and sends the rest again the next time', async () => {
    await store(...records(30))
    const keeping = 'if (Number(msg.messageId.slice(1)) < 4) { node.send(msg); node.done() }'
    await start(replayer({ windowLetters: 10 }, 'n'), func('n', keeping, ['sink']), sink())
    const held = ((helper.getNode('sink') as TestSink).holding = [] as NonNullable<TestSink['holding']>)
    ;(helper.getNode('replay') as Receiver).receive({})
    await until('the sink has what it gets of a group', () => held.length === 4)
    const letGo = func('n', 'return msg', ['sink'])
    const closing = deploy(flow(replayer({ windowLetters: 5 }, 'n'), letGo, sink()), 'nodes')
    await turns()
    for (const copy of held) copy.confirm()
    await closing
    ;(helper.getNode('sink') as TestSink).holding = undefined
    const marked = (await letters()).filter(({ replayed_at }) => replayed_at !== null)
    assert.equal(marked.length, 4)
    assert.deepEqual(await counts(), { found: 26, delivered: 26 })
  }).timeout(60_000)

  it('begins when the button in the editor asks for it, with the settings of the dialog', async () => {
    await store(...records(2))
    await start(replayer({ tenant: 't1' }, 'sink'), sink())
    const editor = helper.request() as { post(path: string): Promise<{ status: number }> }
    assert.equal((await editor.post('/tenant-dead-letter-source/sink')).status, 404)
    assert.equal((await editor.post('/tenant-dead-letter-source/replay')).status, 202)
    await until('there is an answer', () => received('answer').length === 1)
    assert.deepEqual(
      received('sink').map(({ messageId }) => messageId),
      ['m1'],
    )
  })

  describe('as a list', () => {
    const list = async (payload: object = {}): Promise<Message> => ask({ action: 'list', payload })

    it('has the newest first, whole, replayed or not, and a page at a time', async () => {
      await store(...records(5))
      await start(replayer({}, 'sink'), sink())
      await counts({ payload: { tenant: 't0' } })
      const first = await list({ limit: 2 })
      const entries = first.payload as Record<string, unknown>[]
      const { failedAt, receivedAt, replayedAt, id, payloadLength, headers, ...entry } =
        entries[0] as object & Record<string, unknown>
      assert.ok([failedAt, receivedAt, replayedAt, id].every((value) => typeof value === 'string'))
      assert.deepEqual([payloadLength, headers], [7, {}])
      assert.deepEqual(entry, {
        reason: 'why',
        code: 'EVEN',
        nodeId: 'gone',
        nodeType: 't',
        attempts: 1,
        tenant: 't0',
        project: 'p',
        topic: 'rt/t0/p/d',
        messageId: 'm4',
        kafka: { clusterId: 'c', topic: 'iot-messages', partition: 1, offset: 4, key: Buffer.from('k4') },
        payload: Buffer.from('{"n":4}'),
        payloadEncoding: 'raw',
        payloadIsCut: false,
        replayOutcome: 'delivered',
      })
      assert.equal(entries[1]?.replayedAt, undefined)
      const second = await list(first.nextPage as object)
      const third = await list(second.nextPage as object)
      assert.equal(third.nextPage, undefined)
      assert.deepEqual(
        [first, second, third].flatMap(({ payload }) =>
          (payload as { messageId: string }[]).map(({ messageId }) => messageId),
        ),
        ['m4', 'm3', 'm2', 'm1', 'm0'],
      )
    })

    it('takes the same filters, and sends nothing', async () => {
      await store(...records(4))
      await start(replayer({ action: 'list', reason: 'ODD' }, 'sink'), sink())
      const { payload } = await ask({ payload: '' })
      assert.deepEqual(
        (payload as { code: string }[]).map(({ code }) => code),
        ['ODD', 'ODD'],
      )
      assert.deepEqual(received('sink'), [])
      assert.equal((await letters())[0]?.replayed_at, null)
    })
  })
})
