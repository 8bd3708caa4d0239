import assert from 'node:assert/strict'
import fc from 'fast-check'
import { flag, integer, text } from '../../../src/config/options'
import {
  dialogConfig,
  shownAddress,
  type DialogConfig,
  type DialogQuestion,
  type SavedConfig,
} from '../../../src/runtime/dialog-config'

const destination = {
  options: {
    url: text({ default: '${URL}' }),
    useTls: flag(false),
    port: integer({ default: 1, min: 1, max: 9, unit: '' }),
    user: text(),
    passwordEnv: text(),
  },
  addresses: ['url'],
  transport: ['useTls', 'port', 'tls'],
  credentials: ['password'],
}
const variables: Readonly<Record<string, string>> = {
  URL: 'mqtt://from-url',
  PASSWORD: 'canary-variable',
  OTHER: 'canary-other',
}
const saved: SavedConfig = {
  values: { url: 'mqtt://saved', useTls: true, port: '2', user: '${OTHER}', passwordEnv: '', tls: 'tls-1' },
  credentials: { password: 'canary-saved' },
}
const asShown: DialogQuestion = { values: { ...saved.values }, credentials: { password: '__PWRD__' } }

const complete = (question: DialogQuestion, deployed: SavedConfig | undefined = saved): DialogConfig =>
  dialogConfig(question, deployed, destination, (name) => variables[name])
const changed = (values: object, credentials: object = {}): DialogQuestion => ({
  values: { ...asShown.values, ...values },
  credentials: { ...asShown.credentials, ...credentials },
})

describe('the configuration that a dialog shows', () => {
  it('gets the saved password, and the values of variables, for the address that was deployed', () => {
    const { values, credentials, withheld, hasVariables } = complete(asShown)
    assert.deepEqual(values, { ...saved.values, user: 'canary-other' })
    assert.deepEqual(credentials, { password: 'canary-saved' })
    assert.deepEqual(withheld, [])
    assert.ok(hasVariables)
  })

  it('takes a number of an older flow, and a property that it lacks, for what they mean', () => {
    const older = { values: { url: 'mqtt://saved', port: 1 }, credentials: { password: 'canary-saved' } }
    const values = { url: 'mqtt://saved', port: '1', useTls: false, tls: '', user: '', passwordEnv: '' }
    const question = { values, credentials: { password: '__PWRD__' } }
    assert.equal(complete(question, older).credentials['password'], 'canary-saved')
  })

  const elsewhere: readonly (readonly [string, object])[] = [
    ['another address', { url: 'mqtt://elsewhere' }],
    ['an address from a variable', { url: '${URL}' }],
    ['no TLS', { useTls: false }],
    ['another port', { port: 3 }],
    ['other TLS settings', { tls: 'tls-2' }],
  ]
  for (const [what, values] of elsewhere) {
    it(`gets no saved password and no variable for ${what}, and says so`, () => {
      const { withheld, ...rest } = complete(changed({ ...values, passwordEnv: 'PASSWORD' }))
      assert.deepEqual([...withheld].sort(), ['password', 'passwordEnv', 'user'])
      assert.doesNotMatch(JSON.stringify(rest), /canary/)
    })

    it(`has the password that was typed for ${what}`, () => {
      const { withheld, credentials } = complete(changed({ ...values, user: 'me' }, { password: 'typed' }))
      assert.deepEqual(withheld, [])
      assert.deepEqual(credentials, { password: 'typed' })
    })
  }

  it('gets no variable that was not deployed in the same place, wherever it is named', () => {
    for (const question of [
      changed({ user: '${PASSWORD}' }),
      changed({ user: '$(PASSWORD)' }),
      changed({ passwordEnv: 'PASSWORD' }),
      changed({}, { password: '${PASSWORD}' }),
    ]) {
      const { withheld, ...rest } = complete(question)
      assert.equal(withheld.length, 1)
      assert.doesNotMatch(JSON.stringify(rest), /canary-variable/)
    }
  })

  it('of a node that is not deployed has its address from a variable, and nothing else', () => {
    const values = { url: '${URL}', user: 'me' }
    const { withheld, ...rest } = dialogConfig(
      { values, credentials: { password: 'typed' } },
      undefined,
      destination,
      (name) => variables[name],
    )
    assert.deepEqual(withheld, [])
    assert.equal(rest.values['url'], 'mqtt://from-url')
    assert.equal(rest.values['user'], 'me')
    assert.deepEqual(rest.credentials, { password: 'typed' })
    const { withheld: kept } = complete({ values, credentials: { password: '__PWRD__' } }, undefined)
    assert.deepEqual(kept, ['password'])
  })

  it('never has a secret of the server unless it goes where it went, whatever is asked', () => {
    const anything = fc.oneof(
      fc.constantFrom('mqtt://saved', '2', 'tls-1', '${OTHER}', '${PASSWORD}', '__PWRD__', 'PASSWORD', ''),
      fc.boolean(),
      fc.constantFrom(undefined, null, {}, ['${PASSWORD}'], 2),
    )
    const values = fc.record(
      {
        url: anything,
        useTls: anything,
        port: anything,
        user: anything,
        passwordEnv: anything,
        tls: anything,
      },
      { requiredKeys: [] },
    )
    const question = fc.record({ values, credentials: fc.record({ password: anything }) })
    fc.assert(
      fc.property(question, (asked) => {
        const { values: used, credentials } = complete(asked)
        // What is in an address goes to that address only.
        const rest = { ...used, url: undefined, credentials }
        const goesWhereItWent = ['url', 'useTls', 'port', 'tls'].every(
          (name) => String((asked.values as Record<string, unknown>)[name]) === String(saved.values[name]),
        )
        if (!goesWhereItWent) assert.doesNotMatch(JSON.stringify(rest), /canary/)
        assert.doesNotMatch(JSON.stringify(rest), /canary-variable/)
      }),
    )
  })

  it('leaves a variable that is not set as it is, so that the options say so', () => {
    assert.equal(complete(changed({ url: '${NOT_SET}' }, { password: '' })).values['url'], '${NOT_SET}')
  })

  it('shows the variable of an address, not what is in it', () => {
    assert.equal(shownAddress('${URL}', 'secret-host'), '${URL}')
    assert.equal(shownAddress('$(URL)', 'secret-host'), '$(URL)')
    assert.equal(shownAddress('mqtt://host', 'host:1883'), 'host:1883')
  })
})
