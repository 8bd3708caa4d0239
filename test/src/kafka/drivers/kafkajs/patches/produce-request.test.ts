import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import {
  partsOf,
  produceRequests,
  type MessageToEncode,
  type ProduceRequest,
} from '../../../../../../src/kafka/drivers/kafkajs/patches/produce-request'

type Requests = ReturnType<typeof produceRequests>

const load = createRequire(__filename)
const REQUEST_MODULE = load.resolve('kafkajs/src/protocol/requests/produce/v3/request')
const GZIP = 1
const TOPIC = 'iot-messages'
const NOW = 1_790_000_000_000

/** kafkajs' own function, whether ours has taken its place in this process or not. */
function kafkaJsRequests(): Requests {
  const replaced = load.cache[REQUEST_MODULE]
  delete load.cache[REQUEST_MODULE]
  const original = load(REQUEST_MODULE) as Requests
  if (replaced === undefined) delete load.cache[REQUEST_MODULE]
  else load.cache[REQUEST_MODULE] = replaced
  return original
}

describe('the produce request', () => {
  const theirs = kafkaJsRequests()
  const ours = produceRequests(partsOf(load))

  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
  const value = fc.oneof(bytes, fc.string({ unit: 'grapheme', maxLength: 300 }), fc.string({ maxLength: 70 }))
  const message: fc.Arbitrary<MessageToEncode> = fc.record({
    // kafkajs sorts times as texts: they need the same number of digits.
    timestamp: fc.integer({ min: NOW, max: NOW + 2 ** 32 }).map(String),
    key: fc.option(value),
    value: fc.option(value),
    headers: fc.dictionary(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.oneof(value, fc.array(value, { maxLength: 3 })),
      { maxKeys: 8 },
    ),
  })
  const partitions = fc.array(
    fc.record({
      partition: fc.nat(),
      messages: fc.array(message, { minLength: 1, maxLength: 12 }),
      firstSequence: fc.nat(),
    }),
    { maxLength: 3 },
  )
  const request: fc.Arbitrary<ProduceRequest> = fc.record({
    acks: fc.constantFrom(-1, 1),
    timeout: fc.nat(),
    transactionalId: fc.constantFrom(null, 'of-a-flow'),
    producerId: fc.maxSafeInteger().map((id) => longOf(id)),
    producerEpoch: fc.nat({ max: 32_767 }),
    compression: fc.constantFrom(0, GZIP),
    topicData: fc.array(fc.record({ topic: fc.string({ unit: 'grapheme' }), partitions }), { maxLength: 3 }),
  })

  it('has the same bytes as that of kafkajs', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (given) => {
        assert.deepEqual(await encoded(ours, given), await encoded(theirs, given))
      }),
      { numRuns: 500 },
    )
  })

  it('has the same bytes at the borders of its numbers', async () => {
    for (const power of [6, 7, 13, 14, 20, 21, 27, 28, 29, 30, 31, 32, 40]) {
      for (const delta of [2 ** power - 1, 2 ** power]) {
        const given = requestOf([
          { timestamp: NOW, value: 'x' },
          { timestamp: NOW + delta, value: 'y' },
        ])
        assert.deepEqual(await encoded(ours, given), await encoded(theirs, given), `time ${delta}`)
      }
    }
    for (const length of [30, 31, 32, 63, 64, 65, 8_100, 8_190, 8_191, 8_192, 1_048_570, 1_048_576]) {
      for (const body of ['x'.repeat(length), 'ä'.repeat(length), Buffer.alloc(length)]) {
        const given = requestOf([
          { timestamp: NOW, key: 'k', value: body },
          { timestamp: NOW, value: body },
        ])
        assert.deepEqual(await encoded(ours, given), await encoded(theirs, given), `length ${length}`)
      }
    }
  })

  it('begins a batch with its earliest time, also when that has fewer digits or is that of 1970', async () => {
    const request = requestOf([
      { timestamp: NOW, value: 'x' },
      { timestamp: 999, value: 'y' },
    ])
    const { firstTime, maxTime } = timesIn(await encoded(ours, request))
    assert.deepEqual([firstTime, maxTime], [999, NOW])
    assert.equal(timesIn(await encoded(ours, requestOf([{ timestamp: 0, value: 'x' }]))).firstTime, 0)
  })

  it('takes the place of the one in kafkajs', () => {
    const script = `
      const { useProduceRequest } = require('./src/kafka/drivers/kafkajs/patches/produce-request')
      const module = 'kafkajs/src/protocol/requests/produce/v3/request'
      const theirs = require(module)
      useProduceRequest()
      const ours = require(module)
      useProduceRequest()
      require('kafkajs')
      const { request } = require('kafkajs/src/protocol/requests/produce').protocol({ version: 7 })({ acks: 0, topicData: [] })
      const is = ours !== theirs && request.apiVersion === 7 && request.encode.toString() === ours({}).encode.toString()
      process.exitCode = is ? 0 : 1`
    const { status, stderr } = spawnSync(process.execPath, ['--require', 'tsx/cjs', '--eval', script])
    assert.equal(status, 0, stderr.toString())
  })
})

function requestOf(messages: readonly MessageToEncode[]): ProduceRequest {
  const topicData = [{ topic: TOPIC, partitions: [{ partition: 0, messages, firstSequence: 7 }] }]
  return { acks: -1, timeout: 20_000, producerId: longOf(1), producerEpoch: 0, topicData }
}

async function encoded(requests: Requests, request: ProduceRequest): Promise<Buffer> {
  return Buffer.from((await requests(request).encode()).buffer)
}

/** In a request for one partition, of {@link TOPIC}, that begins with no transactional id. */
function timesIn(request: Buffer): { firstTime: number; maxTime: number } {
  const batch = 2 + 2 + 4 + 4 + 2 + TOPIC.length + 4 + 4 + 4
  return {
    firstTime: Number(request.readBigInt64BE(batch + 27)),
    maxTime: Number(request.readBigInt64BE(batch + 35)),
  }
}

function longOf(value: number): { toString(): string } {
  const { fromNumber } = load('kafkajs/src/utils/long') as {
    readonly fromNumber: (this: void, value: number) => { toString(): string }
  }
  return fromNumber(value)
}
