import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import {
  checkedDecoder,
  unreadableReason,
  type BatchBytes,
} from '../../../../../../src/kafka/drivers/kafkajs/patches/batch-check'

const load = createRequire(__filename)
const Decoder = load('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => BatchBytes
const checksum = load('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number
const { RecordBatch } = load('kafkajs/src/protocol/recordBatch/v0') as {
  readonly RecordBatch: (batch: object) => Promise<{ readonly buffer: Buffer }>
}
const Record = load('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => object

/** kafkajs' own decoder, whether the check stands before it in this process or not. */
function originalDecoder(): Parameters<typeof checkedDecoder>[0] {
  const file = load.resolve('kafkajs/src/protocol/recordBatch/v0/decoder')
  const replaced = load.cache[file]
  delete load.cache[file]
  const original = load(file) as Parameters<typeof checkedDecoder>[0]
  if (replaced === undefined) delete load.cache[file]
  else load.cache[file] = replaced
  return original
}

async function batchOf(values: readonly string[]): Promise<Buffer> {
  const records = values.map((value, offsetDelta) => Record({ offsetDelta, value }))
  const { buffer } = await RecordBatch({ compression: 0, firstTimestamp: 1, maxTimestamp: 1, records })
  return buffer
}

describe('the check of a fetched batch', () => {
  const decode = checkedDecoder(originalDecoder(), checksum)
  const decoded = async (bytes: Buffer): Promise<readonly object[]> =>
    (await decode(new Decoder(bytes))).records

  it('lets a sound batch pass, and the next one after it', async () => {
    const decoder = new Decoder(Buffer.concat([await batchOf(['a', 'b']), await batchOf(['c'])]))
    const both = [...(await decode(decoder)).records, ...(await decode(decoder)).records]
    assert.deepEqual(
      both.map((record) => String((record as { value: Buffer }).value)),
      ['a', 'b', 'c'],
    )
    assert.deepEqual(both.map(unreadableReason), [undefined, undefined, undefined])
  })

  it('sees every single bit that was flipped after the checksum, where kafkajs sees none in a value', async () => {
    const batch = await batchOf(['{"temperature":25.3}'])
    const value = batch.indexOf('25.3')
    const damaged = Buffer.from(batch)
    damaged[value] = (damaged[value] as number) ^ 1
    const [believed] = (await originalDecoder()(new Decoder(damaged))).records as { value: Buffer }[]
    assert.equal(String(believed?.value), '{"temperature":35.3}')
    await fc.assert(
      fc.asyncProperty(fc.nat(8 * (batch.length - 17) - 1), async (bit) => {
        const bytes = Buffer.from(batch)
        const at = 17 + (bit >> 3)
        bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7))
        const [record] = await decoded(bytes)
        assert.match(unreadableReason(record as object) ?? '', /checksum/)
      }),
    )
  })

  it('skips a batch in an unknown compression, and one that cannot be opened', async () => {
    for (const [codec, reason] of [
      [7, /compression \(7\) is unknown/],
      [1, /cannot be opened/],
    ] as const) {
      const batch = await batchOf(['a'])
      batch.writeInt16BE(codec, 21)
      batch.writeUInt32BE(checksum(batch.subarray(21)), 17)
      const decoder = new Decoder(Buffer.concat([batch, await batchOf(['next'])]))
      const [record] = (await decode(decoder)).records
      assert.match(unreadableReason(record as object) ?? '', reason)
      const [next] = (await decode(decoder)).records as { value: Buffer }[]
      assert.equal(String(next?.value), 'next')
    }
  })

  it('does not believe an impossible length', async () => {
    const batch = await batchOf(['a'])
    batch.writeInt32BE(-5, 8)
    const [record] = await decoded(batch)
    assert.match(unreadableReason(record as object) ?? '', /length/)
  })

  it('takes its place in kafkajs, also when kafkajs has fetched before, and once', () => {
    const script = `
      const assert = require('node:assert')
      const fetch = 'kafkajs/src/protocol/requests/fetch/'
      require('kafkajs'); require(fetch + 'v11/response')
      const { useBatchCheck, unreadableReason } = require('./src/kafka/drivers/kafkajs/patches/batch-check')
      useBatchCheck()
      const first = require('kafkajs/src/protocol/recordBatch/v0/decoder')
      useBatchCheck()
      assert.equal(require('kafkajs/src/protocol/recordBatch/v0/decoder'), first)
      const broken = { partition: 0, errorCode: 2, messages: [] }
      require(fetch + 'v11/response').parse({ responses: [{ topicName: 't', partitions: [broken] }] }).then(
        ({ responses }) => assert.match(unreadableReason(responses[0].partitions[0].messages[0]), /CORRUPT_MESSAGE/),
      )`
    const { status, stderr } = spawnSync(process.execPath, ['--require', 'tsx/cjs', '--eval', script])
    assert.equal(status, 0, stderr.toString())
  })
})
