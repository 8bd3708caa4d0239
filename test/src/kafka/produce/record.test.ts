import assert from 'node:assert/strict'
import { addressRecord, countedIds, type RecordOptions } from '../../../../src/kafka/produce/record'
import type { WireRecord } from '../../../../src/wire/message'
import { VALUE_FORMATS } from '../../../../src/record/envelope'

const options: RecordOptions = { topic: '', format: 'raw', now: () => 5000, newMessageId: () => 'new-id' }
const address = (wire: WireRecord, other: Partial<RecordOptions> = {}) =>
  addressRecord(wire, { ...options, ...other })

describe('where a record goes', () => {
  it('is what the record says, unless the node has a topic', () => {
    const wire = { payload: 'x', kafka: { topic: 'theirs', key: 'k', partition: 3 } }
    assert.equal(address(wire).topic, 'theirs')
    assert.equal(address(wire).partition, 3)
    assert.equal(address(wire, { topic: 'ours' }).topic, 'ours')
  })

  it('is never where it was read from', () => {
    const read = { payload: 'x', kafka: { topic: 'source', partition: 3, offset: 7, timestamp: 1 } }
    assert.throws(() => address(read), { code: 'KAFKA_NO_TOPIC', retryable: false })
    const addressed = address(read, { topic: 'target' })
    assert.deepEqual([addressed.topic, addressed.partition], ['target', undefined])
    assert.equal(addressed.record.timestamp, 5000)
  })

  it('is where it was read from when it is sent again on purpose, with the time of now', () => {
    const deadLetter = { id: 'i', source: 'n', attempts: 1 }
    const kafka = { topic: 'source', partition: 3, offset: 7, timestamp: 1 }
    const { topic, partition, record } = address({ payload: 'x', receivedAt: 2, kafka, deadLetter })
    assert.deepEqual([topic, partition, record.timestamp], ['source', undefined, 5000])
    assert.equal(record.headers?.['dead-letter-attempts'], '1')
  })

  it('has to be known', () => {
    for (const kafka of [undefined, {}, { topic: '' }, { topic: 7 as unknown as string }]) {
      assert.throws(() => address(kafka === undefined ? {} : { kafka }), { code: 'KAFKA_NO_TOPIC' })
    }
  })

  it('takes keys as text, bytes or numbers', () => {
    const keyOf = (key: unknown) => address({ kafka: { topic: 't', key: key as string } }).record.key
    assert.deepEqual(keyOf('a'), Buffer.from('a'))
    assert.deepEqual(keyOf(7), Buffer.from('7'))
    assert.equal(keyOf(null), null)
    assert.throws(() => keyOf({}), { code: 'KAFKA_INVALID_KEY', retryable: false })
  })

  it('keeps the digits of keys, names and ids, or refuses the record and says how to set them', () => {
    const inexact = [2 ** 53, -(2 ** 53), 12345678901234567890, NaN, Infinity, -0, 1.5, 1e21, 1e-7]
    const kept = ['9007199254740993', '1e21', '007', 9007199254740991, -1, 0, 9007199254740993n]
    const kafka = { topic: 't' }
    const places = {
      'kafka.key': (key: unknown) => address({ kafka: { ...kafka, key: key as string } }).key,
      tenant: (tenant: unknown) => address({ tenant: tenant as string, kafka }).record.headers.tenant,
      project: (project: unknown) => address({ project: project as string, kafka }).record.headers.project,
      device: (device: unknown) => address({ device: device as string, kafka }).record.headers.device,
      messageId: (id: unknown) => address({ messageId: id as string, kafka }).record.headers['message-id'],
      'levels.line': (line: unknown) =>
        address({ levels: { line: line as string }, kafka }).record.headers['level-line'],
    }
    for (const [property, written] of Object.entries(places)) {
      const code = property === 'kafka.key' ? 'KAFKA_INVALID_KEY' : 'IDENTIFIER_INVALID'
      const asText = new RegExp(`msg\\.${property.replace('.', '\\.')} .*as a string`)
      for (const value of kept) assert.equal(String(written(value)), String(value), property)
      for (const value of inexact)
        assert.throws(
          () => written(value),
          { code, retryable: false, message: asText },
          `${property} ${value}`,
        )
      for (const value of [{}, [], 'a\ud800'])
        assert.throws(() => written(value), { code, retryable: false }, property)
    }
  })

  it('has no header for a name that is null, and no other value for a header that JSON cannot say', () => {
    const none = null as unknown as string
    const { headers } = address({ tenant: none, device: none, kafka: { topic: 't' } }).record
    assert.deepEqual(Object.keys(headers), ['message-id', 'received-at'])
    const withHeader = (value: unknown) =>
      address({ kafka: { topic: 't', headers: { h: value as string } } }).record.headers.h
    assert.deepEqual(
      [withHeader(21.5), withHeader({ a: 1 }), withHeader(['x', 1])],
      ['21.5', '{"a":1}', ['x', '1']],
    )
    for (const value of [NaN, new Map([[1, 2]]), [Infinity]])
      assert.throws(() => withHeader(value), /has no JSON/)
  })

  it('takes a time of arrival that is no date, as a foreign header may have it, for none', () => {
    for (const format of VALUE_FORMATS) {
      for (const receivedAt of [Number.MAX_SAFE_INTEGER, 8_640_000_000_000_001, -1, 1.5]) {
        const { record } = address({ payload: 'x', receivedAt, kafka: { topic: 't' } }, { format })
        assert.deepEqual([record.timestamp, record.headers?.['received-at']], [5000, '5000'])
      }
    }
  })

  it('refuses a partition that is none', () => {
    for (const partition of [-1, 1.5, '2', NaN]) {
      assert.throws(() => address({ kafka: { topic: 't', partition: partition as number } }), {
        code: 'KAFKA_INVALID_PARTITION',
      })
    }
  })
})

describe('the time and id of a record', () => {
  it('are those of its arrival', () => {
    const { record } = address({ receivedAt: 1234, messageId: 'mine', kafka: { topic: 't' } })
    assert.equal(record.timestamp, 1234)
    assert.equal(record.headers['message-id'], 'mine')
  })

  it('are given to a record that has none', () => {
    const { record } = address({ kafka: { topic: 't', timestamp: -1 } })
    assert.equal(record.timestamp, 5000)
    assert.equal(record.headers['message-id'], 'new-id')
  })

  it('never repeat', () => {
    const [one, other] = [countedIds(), countedIds()]
    const ids = new Set([one(), one(), other(), other()])
    assert.equal(ids.size, 4)
  })
})
