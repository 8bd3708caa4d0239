import assert from 'node:assert/strict'
import { wireRecordOf } from '../../../../src/kafka/consume/consumed-record'
import type { ConsumedRecord } from '../../../../src/kafka/driver'
import { encodeRecord } from '../../../../src/record/envelope'
import type { WireRecord } from '../../../../src/wire/message'
import { consumedRecord } from '../../../support/consumed-records'

const place = { topic: 'iot', partition: 1 }

function consumed(value: string | null, headers: ConsumedRecord['headers'] = {}): ConsumedRecord {
  return consumedRecord({
    offset: 5,
    key: Buffer.from('k'),
    value: value === null ? null : Buffer.from(value),
    headers,
    timestamp: 9,
  })
}

describe('wireRecordOf', () => {
  it('gives back what the producer was given, in every format', () => {
    const sent: WireRecord = {
      topic: 'a/b',
      payload: Buffer.from('{"n":1.0}'),
      tenant: 'acme',
      project: 'plant',
      device: 'd1',
      levels: { tenant: 'acme', project: 'plant', device: 'd1', line: '7' },
      userProperties: { a: ['1', '2'] },
    }
    for (const format of ['raw', 'json', 'cloudevent'] as const) {
      const { value, headers } = encodeRecord(sent, { messageId: 'm', receivedAt: 1_732_715_160_000 }, format)
      const read = { ...consumed(null), value, headers: headers as ConsumedRecord['headers'] }
      const { kafka, ...record } = wireRecordOf(read, place)
      assert.equal(String(record.payload), '{"n":1.0}', format)
      assert.deepEqual(
        { ...record, payload: 0, contentType: undefined },
        {
          ...sent,
          payload: 0,
          contentType: undefined,
          messageId: 'm',
          receivedAt: 1_732_715_160_000,
        },
      )
      assert.equal(kafka?.offset, 5)
    }
  })

  it('says where the record came from', () => {
    const { kafka } = wireRecordOf(consumed('x', { h: 'v' }), place)
    assert.deepEqual(kafka, { ...place, offset: 5, key: Buffer.from('k'), timestamp: 9, headers: { h: 'v' } })
    assert.equal('timestamp' in (wireRecordOf({ ...consumed('x'), timestamp: -1 }, place).kafka ?? {}), false)
  })

  it('passes the bytes of other producers on', () => {
    assert.equal(String(wireRecordOf(consumed('{"t":1}'), place).payload), '{"t":1}')
    assert.equal(wireRecordOf(consumed(null), place).payload, null)
    assert.equal(wireRecordOf(consumed('x'), place).tenant, undefined)
  })

  it('opens the JSON envelope of other producers, with the text of the payload as it was', () => {
    const text =
      '{"tenant_id":"acme","project_id":"plant","mqtt_topic":"a/b","payload":{"n":1.0},"timestamp":1732715160}'
    const record = wireRecordOf(consumed(text), place)
    assert.equal(String(record.payload), '{"n":1.0}')
    assert.equal(record.tenant, 'acme')
    assert.equal(record.project, 'plant')
    assert.equal(record.topic, 'a/b')
    assert.equal(record.receivedAt, 1_732_715_160_000)
  })

  it('opens it however it is written, and leaves alone what is not UTF-8', () => {
    const text = '{ "timestamp": "2026-11-28T04:18:21Z", "payload": 9007199254740993, "tenant_id": "acme" }'
    const record = wireRecordOf(consumed(text), place)
    assert.equal(String(record.payload), '9007199254740993')
    assert.deepEqual([record.tenant, record.receivedAt], ['acme', Date.UTC(2026, 10, 28, 4, 18, 21)])
    const value = Buffer.from('{"tenant_id":"ac\xff","payload":1}', 'latin1')
    const raw = wireRecordOf({ ...consumed(null), value }, place)
    assert.deepEqual([raw.payload, raw.tenant], [value, undefined])
  })

  it('opens only what is an envelope and nothing else: of any other object all fields are the payload', () => {
    for (const more of [
      '"id":7',
      '"type":"OrderPlaced","device":"d7","seq":17',
      '"payload_encoding":"gzip"',
      '"timestamp":"yesterday"',
      '"timestamp":20046',
      '"project_id":{"site":1}',
    ]) {
      const text = `{"tenant_id":"acme","mqtt_topic":"a/b","payload":{"t":20},${more}}`
      const record = wireRecordOf(consumed(text), place)
      assert.deepEqual([String(record.payload), record.tenant, record.topic], [text, 'acme', 'a/b'])
      // A header of any other producer may be called so, too.
      assert.equal(String(wireRecordOf(consumed(text, { format: 'json' }), place).payload), text)
    }
  })

  it('keeps the digits of tenant, project and topic that are numbers', () => {
    const text = '{"tenant_id":9007199254740993,"project_id":1.0,"mqtt_topic":1e3,"payload":1}'
    const record = wireRecordOf(consumed(text), place)
    assert.deepEqual([record.tenant, record.project, record.topic], ['9007199254740993', '1.0', '1e3'])
  })

  for (const [timestamp, expected] of [
    ['1732715160', 1_732_715_160_000],
    ['1732715160123456', 1_732_715_160_123.456],
    ['"2024-11-27T13:46:00"', 1_732_715_160_000],
    ['null', undefined],
  ] as const) {
    it(`reads the timestamp ${timestamp} of an envelope, in UTC when it names no zone`, () => {
      const record = wireRecordOf(consumed(`{"tenant_id":"a","payload":1,"timestamp":${timestamp}}`), place)
      assert.deepEqual([String(record.payload), record.receivedAt], ['1', expected])
    })
  }

  it('takes no tenant from the payload of a record that names its tenant in a header', () => {
    const text = '{"tenant_id":"other","payload":1}'
    const record = wireRecordOf(consumed(text, { tenant: 'acme' }), place)
    assert.equal(record.tenant, 'acme')
    assert.equal(String(record.payload), text)
  })

  it('leaves alone what only looks like an envelope', () => {
    for (const text of ['{"tenant_id":', '{"tenant_id":"a"}', '{"x":"\\"tenant_id\\""}']) {
      const record = wireRecordOf(consumed(text), place)
      assert.equal(String(record.payload), text)
      assert.equal(record.tenant, undefined)
    }
  })

  it('understands headers of other producers, of which the first counts', () => {
    const headers = { tenant_id: [Buffer.from('acme'), Buffer.from('b')], project_id: Buffer.from('p') }
    const record = wireRecordOf(consumed('x', headers), place)
    assert.equal(record.tenant, 'acme')
    assert.equal(record.project, 'p')
  })
})
