import assert from 'node:assert/strict'
import { connectionConfig, placeOf } from '../../../src/postgres/connection'

const at = (query: string): string => `postgres://w:p%40ss@db:5433/iot${query}`

describe('the address of PostgreSQL', () => {
  it('is read from a URL, with its escapes', () => {
    const { host, port, database, user, password } = connectionConfig(at(''), 'auto')
    assert.deepEqual(
      { host, port, database, user, password },
      { host: 'db', port: 5433, database: 'iot', user: 'w', password: 'p@ss' },
    )
  })

  it('has defaults, and takes IPv6', () => {
    const { host, port, database } = connectionConfig('postgresql://w@[::1]', 'auto')
    assert.deepEqual([host, port, database], ['::1', 5432, 'w'])
  })

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

  for (const wrong of ['mysql://db', 'db:5432', '', at('?sslmode=prefer')]) {
    it(`is refused as ${JSON.stringify(wrong.replace(/:p%40ss/, ''))}`, () =>
      assert.throws(() => connectionConfig(wrong, 'auto'), { code: 'CONFIG_INVALID' }))
  }

  it('is named in sentences without user and password', () => {
    assert.equal(placeOf(connectionConfig(at(''), 'auto')), 'db:5433/iot')
  })
})
