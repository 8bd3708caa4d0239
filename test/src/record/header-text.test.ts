import assert from 'node:assert/strict'
import fc from 'fast-check'
import { wireRecordOf } from '../../../src/kafka/consume/consumed-record'
import { deadLetterRecord } from '../../../src/kafka/dead-letters/dead-letter-record'
import type { ConsumedRecord } from '../../../src/kafka/driver'
import { addressRecord } from '../../../src/kafka/produce/record'
import { replayMessage } from '../../../src/postgres/replay/stored-dead-letter'
import type { DeadLetterRow } from '../../../src/postgres/replay/replay-statements'
import type { WireRecord } from '../../../src/wire/message'
import { deadLettersOf } from '../../../src/dead-letters/dead-letter'
import { shownText, unshownText } from '../../../src/record/header-text'
import { consumedRecord } from '../../support/consumed-records'

/** `acme` with a letter of Latin-1: not UTF-8. */
const BYTES = Buffer.from([0x61, 0x63, 0x6d, 0xe9])
const OTHER = Buffer.from([0x61, 0x63, 0x6d, 0xe8])

const HEADERS = [
  'tenant',
  'project',
  'device',
  'mqtt-topic',
  'message-id',
  'content-type',
  'level-line',
  'user-unit',
]
const FIELDS = ['tenant', 'project', 'device', 'topic', 'messageId', 'contentType'] as const

function consumed(headers: ConsumedRecord['headers']): WireRecord {
  const record = consumedRecord({ offset: 5, key: BYTES, value: Buffer.from('{}'), headers, timestamp: 9 })
  return wireRecordOf(record, { topic: 'iot', partition: 1 })
}

const withAll = (value: Buffer): WireRecord =>
  consumed(Object.fromEntries(HEADERS.map((name) => [name, value])))

describe('a header that is not UTF-8', () => {
  it('is bytes in the record, so that a text column refuses it and no two become one', () => {
    const record = withAll(BYTES)
    for (const field of FIELDS) assert.deepEqual(record[field], BYTES, field)
    assert.deepEqual([record.levels?.line, record.userProperties?.unit], [BYTES, BYTES])
    const foreign = consumed({ tenant_id: BYTES, project_id: BYTES, mqtt_topic: [BYTES, OTHER] })
    assert.deepEqual([foreign.tenant, foreign.project, foreign.topic], [BYTES, BYTES, BYTES])
    assert.deepEqual(consumed({ 'user-a': [BYTES, Buffer.from('b')], tenant: 't' }).userProperties?.a, [
      BYTES,
      'b',
    ])
  })

  it('passes to another Kafka topic as it came', () => {
    const { record } = addressRecord(
      { ...withAll(BYTES), kafka: { ...withAll(BYTES).kafka, headers: { more: [BYTES, OTHER] } } },
      { topic: 'on', format: 'raw', now: () => 5000, newMessageId: () => 'new' },
    )
    for (const name of HEADERS) assert.deepEqual(record.headers[name], BYTES, name)
    assert.deepEqual(record.headers.more, [BYTES, OTHER])
  })

  it('is refused in a value format that has text for it', () => {
    for (const format of ['json', 'cloudevent'] as const) {
      for (const field of ['tenant', 'project', 'topic'] as const) {
        const wire = { payload: 'x', [field]: BYTES, kafka: { topic: 't' } }
        const options = { topic: '', format, now: () => 5000, newMessageId: () => 'new' }
        assert.throws(() => addressRecord(wire, options), {
          code: 'RECORD_NOT_SERIALIZABLE',
          retryable: false,
        })
      }
    }
  })

  it('comes back out of a dead letter as it was, from a table and from a topic', () => {
    const [letter, other] = [BYTES, OTHER].map((bytes) => deadLettersOf(withAll(bytes) as never)[0]!)
    assert.equal(letter?.tenant, '\\x61636de9 (bytes)')
    assert.notEqual(letter?.tenant, other?.tenant)
    const { headers } = deadLetterRecord(letter)
    const fromTopic = consumed(headers as ConsumedRecord['headers'])
    const row = {
      ...{
        id: letter.id,
        tenant_id: letter.tenant,
        project_id: letter.project,
        device_id: letter.device,
      },
      ...{ mqtt_topic: letter.mqttTopic, message_id: letter.messageId, headers: letter.headers },
      ...{
        attempts: '1',
        received_at: null,
        failed_at: new Date(0),
        kafka_topic: null,
        kafka_partition: null,
      },
      ...{ kafka_offset: null, kafka_cluster: null, kafka_key: null, payload: null },
    } as unknown as DeadLetterRow
    const fromTable = replayMessage(row, 'n1') as WireRecord
    for (const field of FIELDS) {
      assert.deepEqual(fromTopic[field], BYTES, field)
      assert.deepEqual(fromTable[field], BYTES, field)
    }
    assert.deepEqual([fromTable.levels?.line, fromTopic.userProperties?.unit], [BYTES, BYTES])
  })

  it('is shown in a way that can be read back, whatever the bytes and texts', () => {
    const texts = fc.oneof(
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
      fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
      fc
        .string({ unit: fc.constantFrom('\\x', '5c', '78', ' (bytes)', '\0') })
        .map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(texts, (bytes) => {
        const shown = shownText(bytes)
        assert.equal(shown.includes('\0'), false)
        assert.deepEqual(Buffer.from(unshownText(shown)), bytes)
      }),
    )
  })
})
