/** What *Test connection* finds at PostgreSQL: a real server, with rights and without, and services that are none. */
import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { freePort } from '../../dev/services/free-port'
import { connectionConfig, nameOf, type ConnectionConfig } from '../../src/postgres/connect/connection'
import { testServer, type ServerTest } from '../../src/postgres/connect/server-test'
import type { WantedTable } from '../../src/postgres/connect/wanted-tables'
import type { Check } from '../../src/runtime/checks'
import { createTestDatabase, type TestDatabase } from '../support/postgres'

describe('the connection test of PostgreSQL', () => {
  let database: TestDatabase
  let role: string
  before(async () => {
    database = await createTestDatabase()
    role = `tester_${new URL(database.url).pathname.slice(1)}`
    await database.query(`create role ${role} login password 'canary'`)
    await database.query('create table foreign_rows (a int)')
    await database.query('create table foreign_parts (a int) partition by range (a)')
    await database.query(`grant select, insert on foreign_parts to ${role}`)
    await database.query('create schema closed')
  })
  after(async () => {
    await database.query(`drop owned by ${role}`)
    await database.query(`drop role ${role}`)
    await database.drop()
  })

  const ledger: WantedTable = {
    schema: 'public',
    table: 'iot_ledger',
    create: true,
    rights: ['SELECT', 'INSERT', 'UPDATE'],
  }
  const test = (
    connection: Partial<ConnectionConfig> = {},
    more: Partial<ServerTest> = {},
  ): Promise<readonly Check[]> =>
    testServer({
      connection: { ...connectionConfig(database.url, 'auto'), ...connection },
      renewTls: undefined,
      shown: nameOf,
      tables: [ledger],
      createsSchemas: false,
      limitMs: 3_000,
      ...more,
    })
  const codes = (checks: readonly Check[]): string[] => checks.map(({ code }) => code)
  const at = (port: number) => ({ servers: [{ host: '127.0.0.1', port }] })

  it('tells the version, whether it keeps what it confirms, and that the ledger will be created', async () => {
    const found = codes(await test())
    for (const code of ['reached', 'version', 'primary', 'willBeCreated'])
      assert.ok(found.includes(code), code)
    assert.ok(found.some((code) => /^(timescale|noTimescale)/.test(code)))
    assert.ok(!found.includes('pooler'))
  })

  it('tells what the user may not do to the tables of the flow', async () => {
    const tables: WantedTable[] = [
      ledger,
      { schema: 'public', table: 'foreign_rows', create: false, rights: ['SELECT', 'INSERT'] },
      { schema: 'public', table: 'foreign_parts', create: true, rights: ['INSERT'] },
      { schema: 'public', table: 'missing', create: false, rights: ['INSERT'] },
      { schema: 'nowhere', table: 'missing', create: true, rights: ['INSERT'] },
      { schema: 'closed', table: 'missing', create: true, rights: ['INSERT'] },
    ]
    const checks = await test({ user: role, password: 'canary' }, { tables, createsSchemas: true })
    const about = checks.slice(checks.findIndex(({ code }) => code === 'durable') + 1)
    assert.deepEqual(
      about.map(({ code, values }) => [code, values['table'], values['rights']]),
      [
        ['mayNotCreate', 'public.iot_ledger', 'SELECT, INSERT, UPDATE'],
        ['mayNotUse', 'public.foreign_rows', 'SELECT, INSERT'],
        ['notOwner', 'public.foreign_parts', ''],
        ['tableMissing', 'public.missing', 'INSERT'],
        ['schemaMissing', 'nowhere.missing', 'INSERT'],
        ['mayNotCreate', 'closed.missing', 'INSERT'],
        ['mayNotCreateSchemas', undefined, undefined],
      ],
    )
    assert.doesNotMatch(JSON.stringify(checks), /canary/)
  })

  it('says why a login is refused', async () => {
    assert.deepEqual(codes(await test({ user: role, password: 'wrong' })), ['loginRefused'])
    assert.deepEqual(codes(await test({ user: role, password: '' })), ['loginRefused'])
    assert.deepEqual(codes(await test({ database: 'nowhere' })), ['noDatabase'])
  })

  it('says that a server has no TLS', async () => {
    assert.deepEqual(codes(await test({ ssl: { rejectUnauthorized: true } })), ['serverNoTls'])
  })

  it('says that a server takes no writes', async () => {
    const name = new URL(database.url).pathname.slice(1)
    await database.query(`alter database ${name} set default_transaction_read_only = on`)
    try {
      assert.deepEqual(codes(await test()), ['readOnly'])
    } finally {
      await database.query(
        `begin read write; alter database ${name} reset default_transaction_read_only; commit`,
      )
    }
  })

  it('tests each server', async () => {
    const dead = await freePort()
    const { servers } = connectionConfig(database.url, 'auto')
    const checks = await test({ servers: [{ host: '127.0.0.1', port: dead }, ...servers] })
    assert.deepEqual(codes(checks).slice(0, 2), ['unreachable', 'reached'])
  })

  describe('at a service that is not PostgreSQL', () => {
    let server: Server
    afterEach(() => void server.close())
    async function listen(answer: string | undefined): Promise<number> {
      server = createServer((socket) => {
        socket.on('error', () => undefined)
        socket.once('data', () => (answer === undefined ? undefined : socket.end(answer)))
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return (server.address() as AddressInfo).port
    }

    for (const [what, answer, expected] of [
      ['closes', '', 'notPostgres'],
      ['answers something else', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'notPostgres'],
      ['is silent', undefined, 'noAnswer'],
    ] as const) {
      it(`that ${what}, says so`, async () => {
        assert.deepEqual(codes(await test(at(await listen(answer)), { limitMs: 1_000 })), [expected])
      })
    }
  })
})
