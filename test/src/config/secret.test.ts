import assert from 'node:assert/strict'
import type { PipelineError } from '../../../src/wire/errors'
import { readPassword } from '../../../src/config/secret'

const environment = (name: string): unknown => ({ SET: 'from the environment', EMPTY: '' })[name]

describe('readPassword', () => {
  it('takes the stored one when no variable is named', () => {
    assert.equal(readPassword('', 'stored', environment), 'stored')
    assert.equal(readPassword('', undefined, environment), undefined)
    assert.equal(readPassword('', '', environment), undefined)
  })

  it('takes the variable when one is named, whatever is stored', () => {
    assert.equal(readPassword('SET', 'stored', environment), 'from the environment')
  })

  it('refuses a variable that is not set, by its name', () => {
    for (const name of ['UNSET', 'EMPTY']) {
      assert.throws(
        () => readPassword(name, 'stored', environment),
        (error: PipelineError) => error.message.includes(name) && !error.message.includes('stored'),
      )
    }
  })
})
