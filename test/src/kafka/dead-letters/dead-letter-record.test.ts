import assert from 'node:assert/strict'
import { CUTS, deadLetterRecord } from '../../../../src/kafka/dead-letters/dead-letter-record'
import { wireRecordOf } from '../../../../src/kafka/consume/consumed-record'
import type { ConsumedRecord } from '../../../../src/kafka/driver'
import { deadLettersOf, type DeadLetter } from '../../../../src/dead-letters/dead-letter'
import type { Message } from '../../../../src/wire/message'
import { consumedRecord } from '../../../support/consumed-records'

const letterOf = (message: Message) => deadLettersOf(message)[0] as DeadLetter

describe('dead letter as a Kafka record', () => {
  const letter = letterOf({
    payload: Buffer.alloc(2_000_000, 7),
    topic: 'rt/acme/d1',
    tenant: 'acme',
    messageId: 'm-1',
    userProperties: { site: 'x' },
    kafka: { topic: 'iot-messages', partition: 1, offset: 9, key: 'acme/d1' },
    error: { message: 'too large', code: 'KAFKA_RECORD_TOO_LARGE', source: { id: 'n', type: 't' } },
  })

  it('has the payload as its value, the key of the record, and the reason in its headers', () => {
    const { key, value, headers, timestamp } = deadLetterRecord(letter)
    assert.equal(value, letter.payload)
    assert.deepEqual(key, Buffer.from('acme/d1'))
    assert.equal(timestamp, letter.failedAt)
    assert.deepEqual(headers, {
      'user-site': 'x',
      tenant: 'acme',
      'mqtt-topic': 'rt/acme/d1',
      'message-id': 'm-1',
      'dead-letter-id': letter.id,
      'dead-letter-reason': 'too large',
      'dead-letter-code': 'KAFKA_RECORD_TOO_LARGE',
      'dead-letter-node-id': 'n',
      'dead-letter-node-type': 't',
      'dead-letter-attempts': '1',
      'dead-letter-kafka-topic': 'iot-messages',
      'dead-letter-kafka-partition': '1',
      'dead-letter-kafka-offset': '9',
      'dead-letter-payload-encoding': 'raw',
    })
  })

  it('is read again as what it was, whatever its payload looks like', () => {
    const payload = Buffer.from('{"tenant_id":"evil","payload":{"a":1},"mqtt_topic":"x"}')
    for (const fields of [
      {},
      { tenant: 'acme', messageId: 'm' },
      { kafka: { headers: { format: 'json' } } },
    ]) {
      const { value, headers } = deadLetterRecord(letterOf({ ...fields, payload }))
      const read = consumedRecord({ value, headers: { ...headers } as ConsumedRecord['headers'] })
      const record = wireRecordOf(read, { topic: 'iot-dead-letters', partition: 0 })
      assert.deepEqual(record.payload, payload)
      assert.equal(record.tenant, (fields as { tenant?: string }).tenant)
      assert.equal(letterOf(record as Message).attempts, 2)
    }
  })

  it('gets smaller with each cut, and says what the whole was', () => {
    const sizes = CUTS.map((_, cut) => deadLetterRecord(letter, cut).value?.length)
    assert.deepEqual(sizes, [2_000_000, 900_000, 64_000, 1_000])
    const { headers } = deadLetterRecord(letter, 2)
    assert.equal(headers['dead-letter-payload-length'], '2000000')
    assert.equal(headers['dead-letter-payload-sha256'], letter.payloadSha256)
    assert.equal(headers['user-site'], undefined)
  })

  it('keeps an empty payload apart from none', () => {
    assert.deepEqual(deadLetterRecord(letterOf({ payload: Buffer.alloc(0) })).value, Buffer.alloc(0))
    assert.equal(deadLetterRecord(letterOf({})).value, null)
  })
})
