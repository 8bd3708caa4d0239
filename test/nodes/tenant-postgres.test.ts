import assert from 'node:assert/strict'
import { readDatabase } from '../../nodes/tenant-postgres/options'
import type { PostgresNode } from '../../src/postgres/require-postgres'
import tenantPostgres from '../../nodes/tenant-postgres/tenant-postgres'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { helper, loadFlow, startRuntime, stopRuntime } from '../support/runtime'

const noEnvironment = (): undefined => undefined

describe('tenant-postgres', () => {
  it('reads a URL, and takes the password from the credentials', () => {
    const url = 'postgres://writer@db.example:5433/iot'
    const { connection } = readDatabase({ url }, { password: 'secret' }, undefined, noEnvironment)
    assert.deepEqual(connection, {
      servers: [{ host: 'db.example', port: 5433 }],
      database: 'iot',
      user: 'writer',
      password: 'secret',
      ssl: false,
    })
  })

  it('reads single fields, and takes the password from the named variable', () => {
    const config = {
      address: 'fields',
      host: 'db',
      port: '5433',
      databaseName: 'iot',
      user: 'w',
      passwordEnv: 'PW',
    }
    const { connection } = readDatabase(config, { password: 'not this' }, undefined, (name) => `of ${name}`)
    assert.deepEqual([connection.servers, connection.password], [[{ host: 'db', port: 5433 }], 'of PW'])
  })

  it('takes several servers, in the URL and in the field', () => {
    const servers = [
      { host: 'a', port: 5433 },
      { host: 'b', port: 5432 },
    ]
    const fields = { address: 'fields', host: 'a:5433, b', databaseName: 'iot', user: 'w' }
    for (const config of [{ url: 'postgres://w@a:5433,b/iot' }, fields])
      assert.deepEqual(readDatabase(config, {}, undefined, noEnvironment).connection.servers, servers)
  })

  it('says which variable is not set', () => {
    assert.throws(() => readDatabase({ url: '${DATABASE_URL}' }, {}, undefined, noEnvironment), {
      code: 'CONFIG_INVALID',
      message: /"url" is \$\{DATABASE_URL\}, and the environment variable DATABASE_URL is not set/,
    })
    assert.throws(() => readDatabase({ url: '' }, {}, undefined, noEnvironment), { code: 'CONFIG_INVALID' })
    const fields = { address: 'fields', url: '${DATABASE_URL}', host: 'db', databaseName: 'iot', user: 'w' }
    assert.equal(readDatabase(fields, {}, undefined, noEnvironment).connection.database, 'iot')
    const config = { url: 'postgres://w@db/iot', passwordEnv: 'PW' }
    assert.throws(() => readDatabase(config, {}, undefined, noEnvironment), /"passwordEnv" names PW/)
  })

  describe('in Node-RED', () => {
    let test: TestDatabase
    before(async () => {
      await startRuntime()
      test = await createTestDatabase()
    })
    after(async () => {
      await stopRuntime()
      await test.drop()
    })
    afterEach(async () => {
      await helper.unload()
      delete process.env['TEST_DATABASE_URL']
    })

    it('takes its address from an environment variable', async () => {
      process.env['TEST_DATABASE_URL'] = test.url
      await loadFlow([tenantPostgres], [{ id: 'db', type: 'tenant-postgres', url: '${TEST_DATABASE_URL}' }])
      const { database: shared } = helper.getNode('db') as PostgresNode
      assert.ok(shared)
      const { rows } = await shared.database.withClient('asking', (client) => client.query('select 1 as one'))
      assert.deepEqual(rows, [{ one: 1 }])
    })

    it('stays up when that variable is not set', async () => {
      await loadFlow([tenantPostgres], [{ id: 'db', type: 'tenant-postgres', url: '${TEST_DATABASE_URL}' }])
      const { database, problem } = helper.getNode('db') as PostgresNode
      assert.equal(database, undefined)
      assert.equal(problem?.statusText, 'check "url": TEST_DATABASE_URL is not set')
    })

    it('disconnects only after its last user has let go', async () => {
      await loadFlow([tenantPostgres], [{ id: 'db', type: 'tenant-postgres', url: test.url }])
      const { database: shared } = helper.getNode('db') as PostgresNode
      assert.ok(shared)
      const release = shared.database.users.add()
      const closed = helper.unload()
      await shared.database.withClient('finishing', (client) => client.query('select pg_sleep(0.05)'))
      release()
      await closed
      await assert.rejects(shared.database.withClient('too late', () => Promise.resolve()))
    })
  })
})
