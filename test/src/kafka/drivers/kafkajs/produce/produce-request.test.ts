import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import type { KafkaRecord } from '../../../../../../src/kafka/driver'
import type {
  AnsweringBroker,
  Protocol,
} from '../../../../../../src/kafka/drivers/kafkajs/patches/broker-answers'
import { withOwnProduce } from '../../../../../../src/kafka/drivers/kafkajs/patches/produce-requests'
import {
  encodeProduce,
  type ProduceRequest,
} from '../../../../../../src/kafka/drivers/kafkajs/produce/produce-request'

type Encode = (request: ProduceRequest) => Promise<{ readonly buffer: Buffer }>

const load = createRequire(__filename)
const GZIP = 1
const TOPIC = 'iot-messages'
const NOW = 1_790_000_000_000

describe('the produce request', () => {
  const requests = load('kafkajs/src/protocol/requests/produce/v3/request') as (request: ProduceRequest) => {
    readonly encode: () => ReturnType<Encode>
  }
  const theirs: Encode = (request) => requests(request).encode()

  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
  const value = fc.oneof(bytes, fc.string({ unit: 'grapheme', maxLength: 300 }), fc.string({ maxLength: 70 }))
  const message: fc.Arbitrary<KafkaRecord> = fc.record({
    // kafkajs sorts times as texts: they need the same number of digits.
    timestamp: fc.integer({ min: NOW, max: NOW + 2 ** 32 }),
    key: fc.option(value),
    value: fc.option(bytes),
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
    producerId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
    producerEpoch: fc.nat({ max: 32_767 }),
    compression: fc.constantFrom(0, GZIP),
    topicData: fc.array(fc.record({ topic: fc.string({ unit: 'grapheme' }), partitions }), { maxLength: 3 }),
  })

  it('has the same bytes as that of kafkajs', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (given) => {
        assert.deepEqual(await encoded(encodeProduce, given), await encoded(theirs, given))
      }),
      { numRuns: 500 },
    )
  })

  it('has the same bytes at the borders of its numbers', async () => {
    for (const power of [6, 7, 13, 14, 20, 21, 27, 28, 29, 30, 31, 32, 40]) {
      for (const delta of [2 ** power - 1, 2 ** power]) {
        const given = requestOf([recordOf({ timestamp: NOW }), recordOf({ timestamp: NOW + delta })])
        assert.deepEqual(await encoded(encodeProduce, given), await encoded(theirs, given), `time ${delta}`)
      }
    }
    for (const length of [30, 31, 32, 63, 64, 65, 8_100, 8_190, 8_191, 8_192, 1_048_570, 1_048_576]) {
      for (const text of ['x'.repeat(length), 'ä'.repeat(length)]) {
        const given = requestOf([recordOf({ key: text }), recordOf({ value: Buffer.from(text) })])
        assert.deepEqual(
          await encoded(encodeProduce, given),
          await encoded(theirs, given),
          `length ${length}`,
        )
      }
    }
  })

  it('is encoded by us where it has record batches, and all else by kafkajs', async () => {
    const API_PRODUCE = 0
    const API_METADATA = 3
    const protocol = (apiVersion: number): Protocol => ({
      request: { apiVersion, encode: () => Promise.reject(new Error('by kafkajs')) },
      response: { decode: () => Promise.resolve({}), parse: (answer) => Promise.resolve(answer) },
    })
    let apiVersion = 7
    const broker = withOwnProduce<AnsweringBroker>({ lookupRequest: () => () => protocol(apiVersion) })
    const encode = (api: number): Promise<object> =>
      broker
        .lookupRequest(
          api,
          undefined,
        )(requestOf([recordOf({})]))
        .request.encode()
    assert.ok(Buffer.isBuffer(((await encode(API_PRODUCE)) as { readonly buffer: unknown }).buffer))
    await assert.rejects(encode(API_METADATA), /by kafkajs/)
    apiVersion = 2
    await assert.rejects(encode(API_PRODUCE), /by kafkajs/)
  })

  it('begins a batch with its earliest time, also when that has fewer digits or is that of 1970', async () => {
    const request = requestOf([recordOf({ timestamp: NOW }), recordOf({ timestamp: 999 })])
    const { firstTime, maxTime } = timesIn(await encoded(encodeProduce, request))
    assert.deepEqual([firstTime, maxTime], [999, NOW])
    assert.equal(timesIn(await encoded(encodeProduce, requestOf([recordOf({ timestamp: 0 })]))).firstTime, 0)
  })
})

function requestOf(messages: readonly KafkaRecord[]): ProduceRequest {
  const topicData = [{ topic: TOPIC, partitions: [{ partition: 0, messages, firstSequence: 7 }] }]
  return { acks: -1, timeout: 20_000, producerId: '1', producerEpoch: 0, compression: 0, topicData }
}

function recordOf(change: Partial<KafkaRecord>): KafkaRecord {
  return { key: null, value: Buffer.from('x'), headers: {}, timestamp: NOW, ...change }
}

async function encoded(encode: Encode, request: ProduceRequest): Promise<Buffer> {
  return Buffer.from((await encode(request)).buffer)
}

/** In a request for one partition, of {@link TOPIC}, that begins with no transactional id. */
function timesIn(request: Buffer): { firstTime: number; maxTime: number } {
  const batch = 2 + 2 + 4 + 4 + 2 + TOPIC.length + 4 + 4 + 4
  return {
    firstTime: Number(request.readBigInt64BE(batch + 27)),
    maxTime: Number(request.readBigInt64BE(batch + 35)),
  }
}
