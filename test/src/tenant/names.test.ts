import assert from 'node:assert/strict'
import { DEFAULT_ALLOWED_NAME, nameRule } from '../../../src/tenant/names'

describe('name rule', () => {
  const rule = nameRule('tenant', DEFAULT_ALLOWED_NAME)

  it('allows letters, digits, "_" and "-", up to 64 of them', () => {
    for (const name of ['acme', 'A-1_b', 'x', 'x'.repeat(64)]) assert.equal(rule(name), undefined)
  })

  it('refuses everything else with the name and the form', () => {
    assert.equal(rule('a.b'), 'the tenant "a.b" is not of the form [A-Za-z0-9_-]{1,64}')
    for (const name of ['', 'a b', 'é', '../x', 'a\n', 'a\0', 'x'.repeat(65), '{tenant}']) {
      assert.match(rule(name) ?? '', /^the tenant .* is not of the form/)
    }
  })

  it('holds an expression of the user to the whole name', () => {
    const either = nameRule('project', 'north|south')
    assert.equal(either('north'), undefined)
    assert.notEqual(either('northern'), undefined)
    assert.notEqual(either('xsouth'), undefined)
  })

  it('never allows more than 249 characters', () => {
    assert.match(nameRule('tenant', '.*')('x'.repeat(250)) ?? '', /more than 249 characters/)
  })

  it('refuses what is no regular expression', () => {
    assert.throws(() => nameRule('tenant', '[a-'), {
      code: 'CONFIG_INVALID',
      message: /not a regular expression/,
    })
  })

  it('says what to do instead of an expression that looks around or refers back', () => {
    for (const expression of ['(?!__)[a-z_]+', '(?<!x)y', '(a)\\1']) {
      assert.throws(() => nameRule('tenant', expression), {
        code: 'CONFIG_INVALID',
        message: /List the names instead/,
      })
    }
  })
})
