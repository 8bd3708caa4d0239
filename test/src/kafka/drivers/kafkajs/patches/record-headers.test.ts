import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { withSafeHeaders } from '../../../../../../src/kafka/drivers/kafkajs/patches/record-headers'

const kafkajs = createRequire(require.resolve('kafkajs'))
const Decoder = kafkajs('./src/protocol/decoder') as new (bytes: Buffer) => never
const encodeRecord = kafkajs('./src/protocol/recordBatch/record/v0') as (record: object) => {
  readonly buffer: Buffer
}
const decode = withSafeHeaders(kafkajs('./src/protocol/recordBatch/record/v0/decoder') as never)

/** As a broker has them, with names of one byte for `?` in what kafkajs writes. */
function headersOf(names: readonly string[], bytes: readonly number[]): Record<string, unknown> {
  const headers = Object.fromEntries(names.map((name, index) => [name, `value ${index}`]))
  const buf = encodeRecord({ key: null, value: null, headers }).buffer
  let next = 0
  for (let at = 0; at < buf.length; at++) if (buf[at] === 0x3f) buf[at] = bytes[next++] as number
  const lengthBytes = 1
  return decode(new Decoder(buf.subarray(lengthBytes)), {
    firstOffset: '0',
    firstTimestamp: '0',
  }).headers
}

describe('the names of a record header', () => {
  it('are told apart when they are not UTF-8', () => {
    const headers = headersOf(['a?', 'a??', 'unit'], [0xe9, 0xe8, 0xe8])
    assert.deepEqual(
      Object.entries(headers).map(([name, value]) => [name, String(value)]),
      [
        ['\\x61e9 (bytes)', 'value 0'],
        ['\\x61e8e8 (bytes)', 'value 1'],
        ['unit', 'value 2'],
      ],
    )
  })

  it('are text otherwise, also those that an object has already', () => {
    const headers = headersOf(['größe', 'constructor', '\\xff'], [])
    assert.deepEqual(Object.keys(headers), ['größe', 'constructor', '\\xff'])
  })
})
