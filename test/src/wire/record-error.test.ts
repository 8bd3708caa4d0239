import assert from 'node:assert/strict'
import { asRecordError, PipelineError } from '../../../src/wire/errors'

describe('what our own code throws over one record', () => {
  for (const thrown of [
    new TypeError("Cannot read properties of null (reading 'x')"),
    new RangeError('Invalid time value'),
    new Error('a getter of the record'),
    'a text',
    undefined,
  ]) {
    it(`is permanent, because each attempt would throw it again: ${String(thrown)}`, () => {
      const { code, retryable } = asRecordError(thrown)
      assert.deepEqual([code, retryable], ['RECORD_INVALID', false])
    })
  }

  it('is what it says when it is an error of ours', () => {
    const error = new PipelineError('ANY', 'any', { retryable: true })
    assert.equal(asRecordError(error), error)
  })

  it('passes when memory was short', () => {
    assert.equal(asRecordError(new RangeError('Array buffer allocation failed')).retryable, true)
  })
})
