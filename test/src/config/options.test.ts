import assert from 'node:assert/strict'
import { PipelineError } from '../../../src/wire/errors'
import { choice, flag, integer, readOptions, text, valueOfNewNode } from '../../../src/config/options'

const table = {
  lingerMs: integer({ default: 5, min: 0, max: 1000, unit: 'ms' }),
  mode: choice(['message', 'batch'], 'message'),
  createTopic: flag(false),
  group: text({ required: true, pattern: /^[a-z]+$/, expects: 'consumerGroup' }),
}

describe('readOptions', () => {
  it('takes what the editor stores: numbers and flags as text, too', () => {
    const options = readOptions(table, { lingerMs: '20', mode: 'batch', createTopic: 'true', group: 'g' })
    assert.deepEqual(options, { lingerMs: 20, mode: 'batch', createTopic: true, group: 'g' })
  })

  it('fills in the defaults for what is missing or empty', () => {
    const options = readOptions(table, { lingerMs: '', group: 'g' })
    assert.deepEqual(options, { lingerMs: 5, mode: 'message', createTopic: false, group: 'g' })
  })

  it('reads a missing choice as what it has always meant, also when new nodes get another', () => {
    const mode = choice(['message', 'batch'], 'message', 'batch')
    assert.equal(valueOfNewNode(mode), 'batch')
    assert.deepEqual(readOptions({ mode }, {}), { mode: 'message' })
    assert.deepEqual(readOptions({ mode }, { mode: '' }), { mode: 'message' })
  })

  const refused: [string, object, RegExp][] = [
    [
      'a number out of its bounds',
      { lingerMs: 1001 },
      /"lingerMs" is 1001; expected a whole number from 0 to 1000 ms/,
    ],
    ['text for a number', { lingerMs: 'soon' }, /"lingerMs" is "soon"/],
    ['a fraction', { lingerMs: 1.5 }, /whole number/],
    ['an unknown choice', { mode: 'both' }, /one of message, batch/],
    ['another value for a flag', { createTopic: 'perhaps' }, /true or false/],
    ['text that does not match', { group: 'G!' }, /expected a consumer group/],
    ['nothing for a required text', { group: '' }, /"group" is nothing/],
    ['an object', { group: { a: 1 } }, /expected a consumer group/],
  ]
  for (const [what, config, message] of refused) {
    it(`refuses ${what} and says what it expects`, () => {
      assert.throws(
        () => readOptions(table, { group: 'g', ...config }),
        (error: PipelineError) =>
          error.code === 'CONFIG_INVALID' && !error.retryable && message.test(error.message),
      )
    })
  }
})
