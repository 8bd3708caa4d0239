import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import type { Batch, KafkaMessage } from 'kafkajs'
import { crc32c } from '../../../../../../src/kafka/drivers/kafkajs/fetch/crc32c'
import {
  answerDecoder,
  type DecodeAnswer,
} from '../../../../../../src/kafka/drivers/kafkajs/fetch/fetch-answer'
import { fetchedRange } from '../../../../../../src/kafka/drivers/kafkajs/fetch/fetched-range'
import { wireRecordOf } from '../../../../../../src/kafka/consume/consumed-record'
import type { ConsumedRecord } from '../../../../../../src/kafka/driver'
import type { FetchedRange } from '../../../../../../src/kafka/group/partitions/partition-reader'
import { consumedRecord } from '../../../../../support/consumed-records'
import {
  writeAnswer,
  writeBatch,
  writeMarker,
  type WrittenBatch,
  type WrittenRecord,
} from '../../../../../support/record-batches'

const load = createRequire(__filename)
const KafkaJsBatch = load('kafkajs/src/consumer/batch') as new (
  topic: string,
  fetchedOffset: string,
  partition: object,
) => Batch & { readonly messagesWithinOffset: readonly KafkaMessage[] }
const checksum = load('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number

interface Answer {
  readonly responses: readonly { readonly topicName: string; readonly partitions: readonly object[] }[]
}
type Aborted = readonly { readonly producerId: bigint; readonly firstOffset: number }[]

function ownDecoder(version: number): DecodeAnswer {
  const { decode } = load(`kafkajs/src/protocol/requests/fetch/v${version}/response`) as {
    decode: DecodeAnswer
  }
  return decode
}

async function batchBy(
  decode: DecodeAnswer,
  from: number,
  bytes: Buffer,
  aborted: Aborted = [],
): Promise<Batch> {
  const answer = (await decode(
    writeAnswer(11, 't', [{ partition: 0, highWatermark: 9_999, aborted, bytes }]),
  )) as Answer
  return new KafkaJsBatch('t', String(from), answer.responses[0]!.partitions[0]!)
}

/** With our decoder, as the consumer does it. */
async function read(bytes: Buffer, from = 0, aborted: Aborted = []): Promise<FetchedRange | undefined> {
  const batch = await batchBy(answerDecoder(11, ownDecoder(11)), from, bytes, aborted)
  return batch.messages.length === 0 ? undefined : fetchedRange(batch)
}

/** What kafkajs' own decoder makes of the same bytes. */
async function readByKafkaJs(bytes: Buffer, from: number, aborted: Aborted): Promise<readonly object[]> {
  const { messages } = await batchBy(ownDecoder(11), from, bytes, aborted)
  return messages.map(({ offset, timestamp, key, value, headers }) => ({
    ...{ offset: Number(offset), timestamp: Number(timestamp), key, value, headers: { ...headers } },
  }))
}

function plain(range: FetchedRange | undefined): readonly object[] {
  return (range?.records ?? []).map(({ offset, timestamp, key, value, headers }) => ({
    ...{ offset, timestamp, key, value, headers: { ...headers } },
  }))
}

function record(value: string, offsetDelta = 0, headers: WrittenRecord['headers'] = []): WrittenRecord {
  return { offsetDelta, timestampDelta: 0n, key: null, value: Buffer.from(value), headers }
}

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
const time = fc.oneof(fc.bigInt(-1_000n, 1_000n), fc.bigInt(-(2n ** 60n), 2n ** 60n))
const name = fc
  .constantFrom('tenant', 'project', 'message-id', 'user-a', 'größe', '')
  .map((it) => Buffer.from(it))
const anyRecord = fc.record({
  hole: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(200)),
  timestampDelta: time,
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.array(fc.tuple(name, fc.option(bytes)), { maxLength: 6 }),
})
const anyBatch = fc.record({
  records: fc.array(anyRecord, { maxLength: 6 }),
  gzip: fc.boolean(),
  appendTime: fc.boolean(),
  firstTimestamp: time,
  maxTimestamp: time,
  /** Deleted by compaction, before and after the records. */
  before: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(50)),
  after: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(50)),
  transaction: fc.option(fc.record({ producer: fc.bigInt(1n, 3n), isAborted: fc.boolean() }), {
    nil: undefined,
  }),
})

interface Log {
  readonly bytes: Buffer
  readonly aborted: Aborted
  /** Where compaction has deleted records. */
  readonly gaps: readonly number[]
  readonly end: number
}

/** Transactions one after the other, each of one batch with its marker behind. */
const anyLog = fc.array(anyBatch, { minLength: 1, maxLength: 6 }).map((batches): Log => {
  let end = 0
  const parts: Buffer[] = []
  const aborted: { producerId: bigint; firstOffset: number }[] = []
  const gaps: number[] = []
  for (const { records, before, after, transaction, ...rest } of batches) {
    for (let hole = 0; hole < before; hole++) gaps.push(end + hole)
    const firstOffset = end + before
    const isAborted = transaction?.isAborted === true && records.length > 0
    let next = 0
    const written = records.map(({ hole, ...each }) => {
      for (let at = 0; at < hole && !isAborted; at++) gaps.push(firstOffset + next + at)
      next += hole + 1
      return { ...each, offsetDelta: next - 1 }
    })
    const length = Math.max(1, next + after)
    for (let at = next; at < length && !isAborted; at++) gaps.push(firstOffset + at)
    const batch: WrittenBatch = { ...rest, firstOffset, records: written, lastOffsetDelta: length - 1 }
    end = firstOffset + length
    parts.push(
      writeBatch(transaction === undefined ? batch : { ...batch, transaction: transaction.producer }),
    )
    if (transaction === undefined) continue
    if (isAborted) aborted.push({ producerId: transaction.producer, firstOffset })
    parts.push(writeMarker(end++, transaction.producer, isAborted ? 'abort' : 'commit'))
  }
  return { bytes: Buffer.concat(parts), aborted, gaps, end }
})

describe('what was fetched of a partition', () => {
  it('has the records that kafkajs itself finds in it', async () => {
    await fc.assert(
      fc.asyncProperty(anyLog, fc.nat(100), async (log, from) => {
        const inLog = from % log.end
        const aborted = log.aborted.filter(({ firstOffset }) => firstOffset >= inLog)
        const range = await read(log.bytes, inLog, aborted)
        assert.deepEqual(plain(range), await readByKafkaJs(log.bytes, inLog, aborted))
        assert.deepEqual([range?.fetchedOffset, range?.nextOffset], [inLog, log.end])
        assert.deepEqual([range?.highWatermark, range?.unreadable], [9_999, undefined])
      }),
      { numRuns: 500 },
    )
  })

  it('names exactly the offsets that compaction has deleted', async () => {
    await fc.assert(
      fc.asyncProperty(anyLog, async (log) => {
        const { gaps = [] } = (await read(log.bytes, 0, log.aborted)) ?? {}
        const offsets = gaps.flatMap(({ from, to }) =>
          Array.from({ length: to - from }, (_, at) => from + at),
        )
        assert.deepEqual(offsets, log.gaps)
      }),
    )
  })

  it('ends with the last whole batch, wherever the bytes are cut off', async () => {
    await fc.assert(
      fc.asyncProperty(anyLog, fc.nat(), async (log, cut) => {
        // Of less than the byte that names the format kafkajs makes an error.
        const part = log.bytes.subarray(0, 17 + (cut % (log.bytes.length - 17)))
        const range = await read(part, 0, log.aborted)
        assert.deepEqual(plain(range), await readByKafkaJs(part, 0, log.aborted))
        assert.equal(range?.unreadable, undefined)
      }),
    )
  })

  it('leaves out all transactions that were aborted and had begun before the offset', async () => {
    const of = (firstOffset: number, transaction: bigint, value: string): Buffer =>
      writeBatch({ firstOffset, transaction, records: [record(value)] })
    const log = [
      of(10, 1n, 'a'),
      of(11, 2n, 'b'),
      writeMarker(12, 1n, 'abort'),
      of(13, 1n, 'c'),
      of(14, 2n, 'd'),
    ]
    const aborted = [
      { producerId: 2n, firstOffset: 4 },
      { producerId: 1n, firstOffset: 3 },
    ]
    const range = await read(Buffer.concat([...log, writeMarker(15, 2n, 'abort')]), 10, aborted)
    assert.deepEqual(
      range?.records.map(({ value }) => String(value)),
      ['c'],
    )
    assert.deepEqual([range.nextOffset, range.gaps], [16, []])
  })

  it('sees every single bit that was flipped after the checksum', async () => {
    const before = writeBatch({ firstOffset: 0, records: [record('sound')] })
    const batch = writeBatch({ firstOffset: 1, records: [record('{"temperature":25.3}')] })
    await fc.assert(
      fc.asyncProperty(fc.nat(8 * (batch.length - 17) - 1), async (bit) => {
        const damaged = Buffer.concat([before, batch])
        const at = before.length + 17 + (bit >> 3)
        damaged[at] = (damaged[at] as number) ^ (1 << (bit & 7))
        const range = await read(damaged)
        assert.match(range?.unreadable ?? '', /checksum/)
        assert.deepEqual([range?.nextOffset, range?.records.length], [1, 1])
      }),
    )
  })

  for (const [what, batch, reason] of [
    ['an unknown compression', { attributes: 7 }, /compression \(7\) is unknown/],
    ['bytes that are not compressed as they say', { attributes: 1 }, /cannot be opened/],
    [
      'more records than it has',
      { count: 3 },
      /cannot be opened: .*longer|cannot be opened: it ends too early/,
    ],
  ] as const) {
    it(`stops before a batch with ${what}`, async () => {
      const sound = writeBatch({ firstOffset: 0, records: [record('sound')] })
      const range = await read(
        Buffer.concat([sound, writeBatch({ firstOffset: 1, records: [record('x')], ...batch })]),
      )
      assert.match(range?.unreadable ?? '', reason)
      assert.equal(String(range?.records[0]?.value), 'sound')
    })
  }

  it('believes no impossible length, neither of a batch nor within a record', async () => {
    const batch = writeBatch({
      firstOffset: 0,
      records: [record('value', 0, [[Buffer.from('n'), Buffer.from('v')]])],
    })
    const short = Buffer.from(batch)
    short.writeInt32BE(-5, 8)
    assert.match((await read(short))?.unreadable ?? '', /length/)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 61, max: batch.length - 1 }), fc.nat(255), async (at, byte) => {
        const other = Buffer.from(batch)
        other[at] = byte
        other.writeUInt32BE(crc32c(other, 21, other.length), 17)
        for (const { key, value, headers } of (await read(other))?.records ?? []) {
          const found = [key, value, ...Object.values(headers).flat()]
          const length = found.reduce((sum, each) => sum + (each?.length ?? 0), 0)
          assert.ok(length < batch.length)
        }
      }),
    )
  })

  it('stops before a record that ends before its parts do, wherever that is', async () => {
    const sound = record('value', 0, [
      [Buffer.from('n'), null],
      [Buffer.from('m'), Buffer.alloc(0)],
    ])
    const batch = writeBatch({ firstOffset: 0, records: [sound] })
    const length = (batch[61] as number) / 2
    for (let shorter = 0; shorter < length; shorter++) {
      const cut = Buffer.from(batch)
      cut[61] = shorter * 2
      cut.writeUInt32BE(crc32c(cut, 21, cut.length), 17)
      const range = await read(cut)
      assert.match(range?.unreadable ?? '', /cannot be opened/, `${shorter} of ${length}`)
      assert.deepEqual([range?.records, range?.nextOffset], [[], 0])
    }
  })

  it('reads the messages of Kafka before 0.11 as kafkajs does', async () => {
    const MessageSet = load('kafkajs/src/protocol/messageSet') as (set: object) => { readonly buffer: Buffer }
    const entries = [{ key: 'k', value: 'v', timestamp: 7 }]
    for (const messageVersion of [0, 1]) {
      const { buffer } = MessageSet({ messageVersion, entries })
      const size = buffer.readInt32BE(0)
      const range = await read(size === buffer.length - 4 ? buffer.subarray(4) : buffer)
      const [first] = range?.records ?? []
      assert.deepEqual([String(first?.key), String(first?.value)], ['k', 'v'])
      assert.deepEqual([first?.offset, first?.timestamp], [0, messageVersion === 0 ? -1 : 7])
      assert.equal(range?.nextOffset, 1)
    }
  })

  it('has nothing of an answer without records', async () => {
    assert.equal(await read(Buffer.alloc(0)), undefined)
  })
})

describe('a fetched record on the wire', () => {
  const names = [
    ...[
      'tenant',
      'project',
      'device',
      'mqtt-topic',
      'message-id',
      'received-at',
      'mqtt-retained',
      'content-type',
    ],
    ...[
      'format',
      'level-line',
      'level-__proto__',
      'user-a',
      'user-__proto__',
      'tenant_id',
      'dead-letter-id',
      'x',
    ],
  ].map((it) => Buffer.from(it))
  const value = fc.oneof(
    bytes,
    fc.constantFrom('json', 'cloudevent', 'true', '17').map((it) => Buffer.from(it)),
  )
  const headers = fc.array(fc.tuple(fc.constantFrom(...names), fc.option(value)), { maxLength: 10 })

  it('is what the dictionary of its headers makes of it, in the same order', async () => {
    const place = { topic: 't', partition: 0 }
    const inOrder = (it: object): string =>
      JSON.stringify(it, (_, each: unknown) =>
        typeof each === 'object' && each !== null && !Array.isArray(each) ? Object.entries(each) : each,
      )
    await fc.assert(
      fc.asyncProperty(headers, async (written) => {
        const range = await read(writeBatch({ firstOffset: 0, records: [record('{"a":1}', 0, written)] }))
        const fetched = range?.records[0] as ConsumedRecord
        const { offset, key, value: found, timestamp } = fetched
        const plainRecord = consumedRecord({ offset, key, value: found, timestamp, headers: fetched.headers })
        assert.equal(inOrder(wireRecordOf(fetched, place)), inOrder(wireRecordOf(plainRecord, place)))
        assert.equal(fetched.size, plainRecord.size)
        for (const name of names.map(String))
          assert.equal(fetched.hasHeader(name), plainRecord.hasHeader(name))
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('the names of a record header', () => {
  const namesOf = async (...names: Buffer[]): Promise<string[]> => {
    const headers = names.map((it, index) => [it, Buffer.from(`value ${index}`)] as const)
    const range = await read(writeBatch({ firstOffset: 0, records: [record('x', 0, headers)] }))
    const found = range?.records[0]?.headers ?? {}
    return Object.keys(found).map((it) => `${it}: ${String(found[it] as Buffer)}`)
  }

  it('are told apart when they are not UTF-8', async () => {
    const names = [Buffer.from([0x61, 0xe9]), Buffer.from([0x61, 0xe8, 0xe8]), Buffer.from('unit')]
    const expected = ['\\x61e9 (bytes): value 0', '\\x61e8e8 (bytes): value 1', 'unit: value 2']
    assert.deepEqual(await namesOf(...names), expected)
  })

  it('may be very many, and all the same: what that costs does not grow with their square', async () => {
    const distinct = Array.from({ length: 50_000 }, (_, index) => `name ${index}`)
    const found = await namesOf(...distinct.map((it) => Buffer.from(it)))
    assert.deepEqual(
      found,
      distinct.map((it, index) => `${it}: value ${index}`),
    )
    const same = Array.from({ length: 50_000 }, () => [Buffer.from('same'), Buffer.from('x')] as const)
    const range = await read(writeBatch({ firstOffset: 0, records: [record('x', 0, same)] }))
    assert.equal((range?.records[0]?.headers.same as Buffer[]).length, same.length)
  })

  it('are text otherwise, also those that an object has already', async () => {
    const names = ['größe', 'constructor', '__proto__', '\\xff']
    const expected = names.map((it, index) => `${it}: value ${index}`)
    assert.deepEqual(await namesOf(...names.map((it) => Buffer.from(it))), expected)
  })
})

describe('the answer to a fetch', () => {
  for (const version of [4, 5, 6, 7, 8, 9, 10, 11]) {
    it(`says the same of its partitions as kafkajs finds in version ${version}`, async () => {
      const sound = writeBatch({ firstOffset: 0, records: [record('x')] })
      const answer = writeAnswer(version, 'topic', [
        { partition: 3, highWatermark: 12, bytes: sound },
        { partition: 4, errorCode: 1, highWatermark: -1, bytes: null },
        { partition: 5, aborted: [{ producerId: 2n, firstOffset: 7 }], bytes: Buffer.alloc(0) },
      ])
      const [ours, theirs] = (await Promise.all(
        [answerDecoder(version, ownDecoder(version)), ownDecoder(version)].map((decode) => decode(answer)),
      )) as (Answer & Record<string, unknown>)[]
      const part = ({ responses, ...rest }: Answer & Record<string, unknown>): object => ({
        ...{ throttleTime: rest.throttleTime, clientSideThrottleTime: rest.clientSideThrottleTime },
        topics: responses.map(({ topicName, partitions }) => ({
          topicName,
          partitions: (partitions as Record<string, unknown>[]).map((it) => ({
            ...{ partition: it.partition, errorCode: it.errorCode, highWatermark: it.highWatermark },
            preferredReadReplica: it.preferredReadReplica ?? -1,
            hasMessages: (it.messages as unknown[]).length > 0,
          })),
        })),
      })
      assert.deepEqual(part(ours!), part(theirs!))
    })
  }

  it('is refused in a version that is unknown', () => {
    assert.throws(() => answerDecoder(12, ownDecoder(11)), /version of kafkajs is unknown/)
  })
})

describe('CRC-32C', () => {
  it('is the checksum that kafkajs writes, of any part of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(20), fc.nat(20), (array, skip, drop) => {
        const all = Buffer.from(array)
        const [start, end] = [
          Math.min(skip, all.length),
          Math.max(Math.min(skip, all.length), all.length - drop),
        ]
        assert.equal(crc32c(all, start, end), checksum(all.subarray(start, end)))
      }),
    )
  })
})
