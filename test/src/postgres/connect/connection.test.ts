import assert from 'node:assert/strict'
import { connectionConfig, parseServers, placeOf } from '../../../../src/postgres/connect/connection'

const at = (query: string): string => `postgres://w:p%40ss@db:5433/iot${query}`

describe('the address of PostgreSQL', () => {
  it('is read from a URL, with its escapes', () => {
    const { servers, database, user, password } = connectionConfig(at(''), 'auto')
    assert.deepEqual(servers, [{ host: 'db', port: 5433 }])
    assert.deepEqual([database, user, password], ['iot', 'w', 'p@ss'])
  })

  it('has defaults, and takes IPv6', () => {
    const { servers, database } = connectionConfig('postgresql://w@[::1]', 'auto')
    assert.deepEqual([servers, database], [[{ host: '::1', port: 5432 }], 'w'])
    const local = connectionConfig('postgres:///iot?sslmode=disable', 'auto')
    assert.deepEqual([local.servers, local.database], [[{ host: '127.0.0.1', port: 5432 }], 'iot'])
  })

  it('may be several servers, each with a port of its own or the usual one', () => {
    const { servers, database, user } = connectionConfig('postgres://w:x@a:5433,b,[::1]:5434/iot', 'auto')
    assert.deepEqual(servers, [
      { host: 'a', port: 5433 },
      { host: 'b', port: 5432 },
      { host: '::1', port: 5434 },
    ])
    assert.deepEqual([database, user], ['iot', 'w'])
  })

  it('is a list of hosts in a field, with one port for those that have none', () => {
    assert.deepEqual(parseServers('a, b:5433, ::1, [::2]:5434', 6000), [
      { host: 'a', port: 6000 },
      { host: 'b', port: 5433 },
      { host: '::1', port: 6000 },
      { host: '::2', port: 5434 },
    ])
  })

  for (const wrong of ['a,', 'a:0', 'a:65536', 'a:b', 'a b', '[::1', 'a;b:c'])
    it(`takes no host from ${JSON.stringify(wrong)}`, () =>
      assert.throws(() => parseServers(wrong, 5432), {
        code: 'CONFIG_INVALID',
        statusText: 'check the host',
      }))

  for (const [query, choice, verified] of [
    ['', 'auto', undefined],
    ['?sslmode=disable', 'auto', undefined],
    ['?sslmode=require', 'auto', true],
    ['?sslmode=verify-full', 'auto', true],
    ['?sslmode=no-verify', 'auto', false],
    ['?sslmode=require', 'off', undefined],
    ['', 'verify', true],
    ['', 'no-verify', false],
  ] as const) {
    const outcome =
      verified === undefined ? 'no TLS' : verified ? 'a verified server' : 'an unverified server'
    it(`means ${outcome} with "${query}" and the choice ${choice}`, () => {
      const { ssl } = connectionConfig(at(query), choice)
      if (verified === undefined) assert.equal(ssl, false)
      else assert.deepEqual(ssl, { rejectUnauthorized: verified })
    })
  }

  it('has TLS when settings for it are chosen and nothing else says what to do', () => {
    const fields = { servers: [{ host: 'db', port: 5432 }], database: 'iot', user: 'w', password: '' }
    const verified = { ca: 'authority', rejectUnauthorized: true }
    const chosen = { ca: 'authority', rejectUnauthorized: false }
    assert.deepEqual(connectionConfig(fields, 'auto', chosen).ssl, verified)
    assert.deepEqual(connectionConfig(at(''), 'auto', chosen).ssl, verified)
    assert.deepEqual(connectionConfig(at('?sslmode=no-verify'), 'auto', chosen).ssl, chosen)
    assert.equal(connectionConfig(at('?sslmode=disable'), 'auto', chosen).ssl, false)
    assert.equal(connectionConfig(fields, 'auto').ssl, false)
  })

  for (const wrong of [
    'mysql://db',
    'db:5432',
    '',
    'postgres://a,b:x/iot',
    'postgres://a,,b/iot',
    at('?sslmode=prefer'),
  ]) {
    it(`is refused as ${JSON.stringify(wrong.replace(/:p%40ss/, ''))}`, () =>
      assert.throws(() => connectionConfig(wrong, 'auto'), { code: 'CONFIG_INVALID' }))
  }

  it('is named in sentences without user and password', () => {
    assert.equal(placeOf(connectionConfig(at(''), 'auto')), 'db:5433/iot')
    assert.equal(placeOf(connectionConfig('postgres://a,[::1]/iot', 'auto')), 'a:5432,[::1]:5432/iot')
  })
})
