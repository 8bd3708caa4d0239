/** Dead letters in a real PostgreSQL: whatever arrives becomes a row, once. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { connectionConfig } from '../../src/postgres/connect/connection'
import { Database } from '../../src/postgres/connect/database'
import { createDeadLetterTable } from '../../src/postgres/dead-letters/dead-letter-table'
import { TableDeadLetterTarget } from '../../src/postgres/dead-letters/dead-letter-target'
import { prepareReplay } from '../../src/postgres/replay/prepare-replay'
import { deadLettersOf } from '../../src/dead-letters/dead-letter'
import { openDatabase } from '../support/sink'
import { createTestDatabase, type TestDatabase } from '../support/postgres'

const TABLE = { schema: 'public', table: 'iot_dead_letters' }

describe('dead letters in a table', () => {
  let test: TestDatabase
  let database: Database
  let target: TableDeadLetterTarget

  before(async () => {
    test = await createTestDatabase()
    database = new Database({
      connection: connectionConfig(test.url, 'auto'),
      poolSize: 2,
      connectTimeoutMs: 10_000,
      statementTimeoutMs: 30_000,
      lockTimeoutMs: 10_000,
    })
    target = new TableDeadLetterTarget(database, TABLE, { createTable: true })
  })
  after(async () => {
    await database.close(1000)
    await test.drop()
  })

  it('has a column for each thing that is known', async () => {
    const payload = Buffer.from([0, 0xff, 0x80])
    await target.write(
      deadLettersOf({
        payload,
        topic: 'rt/acme/north/d1',
        tenant: 'acme',
        project: 'north',
        device: 'd1',
        levels: { tenant: 'acme', site: 's1' },
        messageId: 'm-1',
        receivedAt: 1_700_000_000_000,
        userProperties: { tags: ['a', 'b'] },
        kafka: {
          clusterId: 'c',
          topic: 't',
          partition: 2,
          offset: 9,
          key: Buffer.from([1, 0]),
          timestamp: 1,
          headers: { 'dead-letter-attempts': '2' },
        },
        error: { message: 'why', code: 'X', source: { id: 'n', type: 't', name: 'name' } },
      }),
    )
    const [row] = await test.query('select * from iot_dead_letters')
    const { id, failed_at: failedAt, ...rest } = row as { id: string; failed_at: Date }
    assert.match(id, /^[0-9a-f-]{36}$/)
    assert.ok(failedAt instanceof Date)
    assert.deepEqual(rest, {
      reason: 'why',
      code: 'X',
      node_id: 'n',
      node_type: 't',
      node_name: 'name',
      attempts: '3',
      tenant_id: 'acme',
      project_id: 'north',
      device_id: 'd1',
      mqtt_topic: 'rt/acme/north/d1',
      message_id: 'm-1',
      received_at: new Date(1_700_000_000_000),
      kafka_cluster: 'c',
      kafka_topic: 't',
      kafka_partition: '2',
      kafka_offset: '9',
      kafka_key: Buffer.from([1, 0]),
      headers: { 'level-site': 's1', 'user-tags': ['a', 'b'] },
      payload,
      payload_encoding: 'raw',
      payload_length: '3',
      payload_sha256: createHash('sha256').update(payload).digest('hex'),
      payload_is_cut: false,
      replayed_at: null,
      replay_outcome: null,
      replayed_by: null,
    })
  })

  it('is there once, however often it is written', async () => {
    const letters = deadLettersOf({ payload: 'twice', messageId: 'twice' })
    await target.write(letters)
    await target.write(letters)
    await target.write([...letters, ...letters])
    const rows = await test.query(`select 1 from iot_dead_letters where message_id = 'twice'`)
    assert.equal(rows.length, 1)
  })

  it('takes what text columns and jsonb refuse', async () => {
    const cyclic: Record<string, unknown> = { big: 2n ** 80n }
    cyclic.self = cyclic
    const odd = {
      topic: 'nul\0 half \ud800 pair',
      tenant: { not: 'a text' },
      receivedAt: 1e300,
      attempts: 'many',
      userProperties: { 'n\0': 'v\0', half: '\udfff' },
      kafka: { partition: -1, offset: Number.NaN, key: 17 },
      error: { message: 'nul \0', code: 5, source: 'nowhere' },
    }
    await target.write([
      ...deadLettersOf({ ...odd, messageId: 'odd', payload: cyclic }),
      ...deadLettersOf({ messageId: 'odd', payload: 'x\0y' }),
      ...deadLettersOf({ messageId: 'odd', payload: undefined }),
      ...deadLettersOf({ messageId: 'odd', payload: Symbol('s') }),
    ])
    const rows = await test.query<{ payload: Buffer | null; reason: string; mqtt_topic: string }>(
      `select * from iot_dead_letters where message_id = 'odd' order by length(payload) nulls first`,
    )
    assert.deepEqual(
      rows.map(({ payload }) => payload?.toString()),
      [undefined, 'x\0y', 'Symbol(s)', '{"big":"1208925819614629174706176","self":"[Circular]"}'],
    )
    assert.equal(rows[3]?.mqtt_topic, '\\x6e756c002068616c6620efbfbd2070616972 (bytes)')
    assert.equal(rows[3].reason, 'nul \uFFFD')
  })

  it('takes a large payload, and many at once', async () => {
    await target.write(deadLettersOf({ messageId: 'large', payload: Buffer.alloc(5_000_000, 7) }))
    const [large] = await test.query(
      `select length(payload) as n from iot_dead_letters where message_id = 'large'`,
    )
    assert.equal(large?.n, 5_000_000)
    const batch = Array.from({ length: 1000 }, (_, n) => ({ payload: `${n}`, messageId: `many-${n}` }))
    await target.write(deadLettersOf({ batch: true, payload: batch }))
    const rows = await test.query(`select 1 from iot_dead_letters where message_id like 'many-%'`)
    assert.equal(rows.length, 1000)
  })

  it('creates the table again when it was dropped', async () => {
    const letters = deadLettersOf({ payload: 'again', messageId: 'again' })
    await test.query('drop table iot_dead_letters')
    await assert.rejects(target.write(letters), { retryable: true })
    await target.write(letters)
    assert.equal((await test.query('select 1 from iot_dead_letters')).length, 1)
  })

  it('waits for the table when it may not create one', async () => {
    const none = new TableDeadLetterTarget(database, { ...TABLE, table: 'none' }, { createTable: false })
    await assert.rejects(none.write(deadLettersOf({ payload: 'x' })), {
      retryable: true,
      message: /no such table/,
    })
  })

  it('gives back what a user’s own table refuses', async () => {
    await test.query('create table strict (like iot_dead_letters including all)')
    await test.query(`alter table strict add check (tenant_id = 'acme')`)
    const strict = new TableDeadLetterTarget(database, { ...TABLE, table: 'strict' }, { createTable: true })
    await strict.write(deadLettersOf({ payload: 'x', tenant: 'acme' }))
    await assert.rejects(strict.write(deadLettersOf({ payload: 'x', tenant: 'other' })), { retryable: false })
  })

  describe('of the first version', () => {
    const OLD = { schema: 'public', table: 'old' }
    const ALTER =
      /ALTER TABLE "public"."old" ADD COLUMN IF NOT EXISTS replayed_at timestamptz, .* replayed_by text\[\]$/

    beforeEach(async () => {
      await test.query(createDeadLetterTable('old'))
      await test.query('alter table old drop replayed_at, drop replay_outcome, drop replayed_by')
    })
    afterEach(() => test.query('drop table old'))

    it('is written as before', async () => {
      const old = new TableDeadLetterTarget(database, OLD, { createTable: true })
      await old.write(deadLettersOf({ payload: 'x' }))
      assert.equal((await test.query('select 1 from old')).length, 1)
    })

    it('gets what a replay needs, or the error has the statement', async () => {
      await assert.rejects(prepareReplay(database, OLD, false), { code: 'DEAD_LETTERS_OLD', message: ALTER })
      await prepareReplay(database, OLD, true)
      await prepareReplay(database, OLD, false)
      await test.query('select replayed_at, replay_outcome, replayed_by from old')
    })

    it('is refused with the statement when another role owns it', async () => {
      const role = `writer_${randomBytes(4).toString('hex')}`
      await test.query(`create role ${role} login password 'p'`)
      await test.query(`grant select, insert, update on old to ${role}`)
      const url = new URL(test.url)
      url.username = role
      url.password = 'p'
      const theirs = openDatabase(url.href)
      await assert.rejects(prepareReplay(theirs, OLD, true), { code: 'DEAD_LETTERS_OLD', message: ALTER })
      await theirs.close(0)
      await test.query(`drop owned by ${role}`)
      await test.query(`drop role ${role}`)
    })

    it('is missed when there is none', async () => {
      const none = { ...OLD, table: 'none' }
      await assert.rejects(prepareReplay(database, none, false), { code: 'DEAD_LETTERS_MISSING' })
    })
  })
})
