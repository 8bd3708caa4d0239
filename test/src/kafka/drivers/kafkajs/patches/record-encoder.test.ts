import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import {
  encodeRecord,
  type EncodedRecord,
  type RecordToEncode,
} from '../../../../../../src/kafka/drivers/kafkajs/patches/record-encoder'

type Encode = (record: RecordToEncode) => EncodedRecord

const load = createRequire(__filename)
const RECORD_MODULE = load.resolve('kafkajs/src/protocol/recordBatch/record/v0')

/** kafkajs' own function, whether ours has taken its place in this process or not. */
function originalEncoder(): Encode {
  const replaced = load.cache[RECORD_MODULE]
  delete load.cache[RECORD_MODULE]
  const original = load(RECORD_MODULE) as Encode
  if (replaced === undefined) delete load.cache[RECORD_MODULE]
  else load.cache[RECORD_MODULE] = replaced
  return original
}

describe('the record encoder', () => {
  const original = originalEncoder()
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
  const value = fc.oneof(bytes, fc.string({ unit: 'grapheme', maxLength: 300 }))
  const headers = fc.dictionary(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.oneof(value, fc.array(value, { maxLength: 3 })),
    { maxKeys: 8 },
  )
  const record = fc.record({
    offsetDelta: fc.integer({ min: 0, max: 100_000 }),
    timestampDelta: fc.oneof(fc.integer(), fc.maxSafeInteger()),
    key: fc.option(value),
    value: fc.option(value),
    headers,
  })

  it('writes the same bytes as kafkajs', () => {
    assert.notEqual(original, encodeRecord)
    fc.assert(
      fc.property(record, (given) => {
        assert.deepEqual(encodeRecord(given).buffer, original(given).buffer)
      }),
      { numRuns: 2000 },
    )
  })

  it('writes the same bytes at the borders of its numbers', () => {
    for (const power of [6, 7, 13, 14, 20, 21, 27, 28, 29, 30, 31, 32, 41, 52]) {
      for (const timestampDelta of [2 ** power - 1, 2 ** power, -(2 ** power), -(2 ** power) - 1]) {
        const given = { timestampDelta, value: 'x' }
        assert.deepEqual(encodeRecord(given).buffer, original(given).buffer, String(timestampDelta))
      }
    }
  })

  it('takes the place of the one in kafkajs', () => {
    const script = `
      const { useRecordEncoder, encodeRecord } = require('./src/kafka/drivers/kafkajs/patches/record-encoder')
      useRecordEncoder()
      useRecordEncoder()
      require('kafkajs')
      process.exitCode = require('kafkajs/src/protocol/recordBatch/record/v0') === encodeRecord ? 0 : 1`
    const { status, stderr } = spawnSync(process.execPath, ['--require', 'tsx/cjs', '--eval', script])
    assert.equal(status, 0, stderr.toString())
  })
})
