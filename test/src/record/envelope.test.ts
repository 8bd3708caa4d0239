import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decodeRecord, encodeRecord, VALUE_FORMATS, type ValueFormat } from '../../../src/record/envelope'
import type { WireRecord } from '../../../src/wire/message'
import { oddJson } from '../../support/odd-json'

const identity = { messageId: 'id-1', receivedAt: 1_700_000_000_123 }
const record: WireRecord = {
  topic: 'mtic/msg/client/realtime/acme/p1/dev1/up',
  tenant: 'acme',
  project: 'p1',
  device: 'dev1',
  levels: { tenant: 'acme', project: 'p1', device: 'dev1', site: 'north' },
  payload: Buffer.from('{"temperature":25.30}'),
  userProperties: { trace: 'x1', many: ['a', 'b'], tenant: 'evil', __proto: 'p' },
  contentType: 'application/json',
  retain: true,
}

const encode = (wire: WireRecord, format: ValueFormat) => encodeRecord(wire, identity, format)
const textOf = (wire: WireRecord, format: ValueFormat): string => encode(wire, format).value?.toString() ?? ''

describe('a record for Kafka', () => {
  it('has the payload untouched when raw', () => {
    assert.equal(encode(record, 'raw').value, record.payload)
  })

  it('has what the MQTT message was in its headers, and nothing can pose as ours', () => {
    assert.deepEqual(encode(record, 'raw').headers, {
      tenant: 'acme',
      project: 'p1',
      device: 'dev1',
      'mqtt-topic': 'mtic/msg/client/realtime/acme/p1/dev1/up',
      'message-id': 'id-1',
      'received-at': '1700000000123',
      'mqtt-retained': 'true',
      'content-type': 'application/json',
      'level-site': 'north',
      'user-trace': 'x1',
      'user-many': ['a', 'b'],
      'user-tenant': 'evil',
      'user-__proto': 'p',
    })
  })

  it('keeps the attempts of a record that was a dead letter, and nothing else of it', () => {
    const headers = { 'dead-letter-id': 'x', 'dead-letter-reason': 'r', 'dead-letter-attempts': '2' }
    const kept = encode({ payload: 'x', kafka: { headers } }, 'raw').headers
    assert.deepEqual(
      Object.entries(kept).filter(([name]) => name.startsWith('dead-letter-')),
      [['dead-letter-attempts', '2']],
    )
  })

  it('keeps the headers of a flow, as text, and ours win', () => {
    const headers = { mine: 'x', count: 7, tenant: 'evil', format: 'json', none: null } as unknown as Record<
      string,
      string
    >
    const encoded = encode({ payload: 'x', tenant: 'acme', kafka: { headers } }, 'raw').headers
    assert.deepEqual(
      { ...encoded },
      {
        mine: 'x',
        count: '7',
        tenant: 'acme',
        'message-id': 'id-1',
        'received-at': '1700000000123',
      },
    )
  })

  it('writes text as UTF-8, objects as JSON, and nothing as a tombstone', () => {
    assert.deepEqual(encode({ payload: 'dé' }, 'raw').value, Buffer.from('dé'))
    assert.deepEqual(encode({ payload: { a: 1 } }, 'raw').value, Buffer.from('{"a":1}'))
    assert.deepEqual(encode({ payload: 5 }, 'raw').value, Buffer.from('5'))
    assert.deepEqual(encode({ payload: new Uint8Array([1, 2]) }, 'raw').value, Buffer.from([1, 2]))
    assert.equal(encode({ payload: null }, 'raw').value, null)
    assert.equal(encode({}, 'raw').value, null)
    assert.equal(encode({ payload: Buffer.alloc(0) }, 'raw').value?.length, 0)
  })

  it('refuses what is no JSON for good', () => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    for (const payload of [circular, { big: 1n }, () => 1, { value: NaN }, NaN, new Map([[1, 2]])]) {
      assert.throws(() => encode({ payload }, 'raw'), { code: 'RECORD_NOT_SERIALIZABLE', retryable: false })
    }
  })
})

describe('the JSON envelope', () => {
  it('has a JSON payload as the very text that came', () => {
    assert.equal(
      textOf(record, 'json'),
      '{"tenant_id":"acme","project_id":"p1","mqtt_topic":"mtic/msg/client/realtime/acme/p1/dev1/up",' +
        '"payload":{"temperature":25.30},"timestamp":1700000000123}',
    )
  })

  it('has other text as a string and other bytes as base64, and says so', () => {
    assert.match(
      textOf({ ...record, payload: 'on "fire"' }, 'json'),
      /"payload":"on \\"fire\\"","payload_encoding":"text"/,
    )
    assert.match(
      textOf({ ...record, payload: Buffer.from([0xff]) }, 'json'),
      /"payload":"\/w==","payload_encoding":"base64"/,
    )
  })

  it('of another producer is opened too', () => {
    const theirs = Buffer.from('{"timestamp":1,"payload":{"a":1},"tenant_id":"x"}')
    assert.deepEqual(decodeRecord(theirs, { format: 'json' }).payload, Buffer.from('{"a":1}'))
  })

  // Opening such a value would lose what stands beside the payload, and nothing downstream can tell.
  for (const [format, value] of [
    ['json', '{"timestamp":1,"payload":{"a":1},"tenant_id":"x","extra":true}'],
    ['json', '{"payload":"eJw=","payload_encoding":"gzip"}'],
    ['cloudevent', '{"specversion":"1.0","id":"7","type":"OrderPlaced","data":{"a":1}}'],
    ['cloudevent', '{"specversion":"1.0","id":"7","traceparent":"00-1","data":{"a":1}}'],
  ] as const) {
    it(`is not opened when it has more than an envelope: ${value}`, () =>
      assert.equal(String(decodeRecord(Buffer.from(value), { format }).payload), value))
  }
})

/** Envelopes as other producers write them: any order, any white space, what looks like a field inside of a text. */
function foreignEnvelope(key: 'payload' | 'data', payload: string): fc.Arbitrary<Buffer> {
  const others = {
    payload: [
      '"tenant_id":"acme"',
      '"mqtt_topic":",\\"payload\\":3,\\"data\\":4"',
      '"timestamp":"2026-11-28T04:18:21Z"',
      '"timestamp":1',
    ],
    data: ['"specversion":"1.0"', '"id":",\\"data\\":4"', '"datacontenttype":"application/json"'],
  }[key]
  const space = fc.constantFrom('', ' ', '\n  ', '\t\r\n')
  return fc
    .tuple(
      fc.shuffledSubarray(others, { minLength: others.length }),
      fc.nat(others.length),
      fc.array(space, { minLength: 4, maxLength: 4 }),
    )
    .map(([members, at, [a = '', b = '', c = '', d = '']]) => {
      const spaced = members.map((member) => member.replace(/^("[^"]*"):/, `$1${a}:${b}`))
      // The one space that is never missing tells it from an envelope of ours, where such space is the device's.
      spaced.splice(at, 0, `"${key}" :${b}${payload}`)
      return Buffer.from(`{${c}${spaced.join(`${d},${a}`)}${b}}${c}`)
    })
}

describe('an envelope that another program has written', () => {
  const changing = [
    '9007199254740993',
    '1e400',
    '-0.0',
    '25.30',
    '{"a":1,"a":2}',
    '"\\u0041\\/"',
    '{"__proto__":{"x":1}}',
    '"\\ud800"',
    '[1, 2 ]',
    'null',
  ]
  for (const [format, key] of [
    ['json', 'payload'],
    ['cloudevent', 'data'],
  ] as const) {
    it(`gives the payload as it stands there, whatever is around it (${format})`, () =>
      fc.assert(
        fc.property(
          fc
            .oneof(
              fc.constantFrom(...changing),
              oddJson.map((text) => text.trim()),
              fc.json(),
            )
            .chain((payload) => fc.tuple(fc.constant(payload), foreignEnvelope(key, payload))),
          ([payload, value]) => {
            assert.equal(String(decodeRecord(value, { format }).payload), payload)
          },
        ),
        { numRuns: 1000 },
      ))

    it(`is opened however deep the payload is (${format})`, () => {
      const deep = '['.repeat(100_000) + ']'.repeat(100_000)
      const mark = format === 'json' ? '"tenant_id":"acme"' : '"specversion":"1.0"'
      const value = Buffer.from(`{"${key}": ${deep} ,${mark}}`)
      assert.equal(String(decodeRecord(value, { format }).payload), deep)
    })

    it(`is handed over as it is when it is not UTF-8, or holds no bytes to give back (${format})`, () => {
      const values = {
        json: [
          Buffer.from('{"tenant_id":"acme","payload":{"a":"\xff"}}', 'latin1'),
          Buffer.from('{"payload":"\\ud800","payload_encoding":"text"}'),
          Buffer.from('{"payload":"not!base64","payload_encoding":"base64"}'),
        ],
        cloudevent: [
          Buffer.from('{"specversion":"1.0","data":{"a":"\xff"}}', 'latin1'),
          Buffer.from('{"specversion":"1.0","datacontenttype":"text/plain","data":"\\ud800"}'),
          Buffer.from('{"specversion":"1.0","data_base64":"not!base64"}'),
          Buffer.from('{"specversion":"1.0","data_base64":7}'),
        ],
      }[format]
      for (const value of values) assert.equal(decodeRecord(value, { format }).payload, value)
    })
  }
})

describe('the CloudEvent', () => {
  it('follows version 1.0', () => {
    assert.deepEqual(JSON.parse(textOf(record, 'cloudevent')), {
      specversion: '1.0',
      id: 'id-1',
      source: '/acme/p1',
      type: 'iot.mqtt.message',
      subject: 'mtic/msg/client/realtime/acme/p1/dev1/up',
      time: '2023-11-14T22:13:20.123Z',
      tenantid: 'acme',
      projectid: 'p1',
      datacontenttype: 'application/json',
      data: { temperature: 25.3 },
    })
    assert.match(
      String(encode(record, 'cloudevent').headers['content-type']),
      /^application\/cloudevents\+json/,
    )
  })

  it('has bytes that are no text as data_base64', () => {
    const event = JSON.parse(textOf({ ...record, payload: Buffer.from([0xff]) }, 'cloudevent')) as object
    assert.deepEqual((event as { data_base64?: string }).data_base64, '/w==')
  })
})

describe('a record from Kafka', () => {
  for (const format of VALUE_FORMATS) {
    it(`gives back what went in (${format})`, () => {
      const { value, headers } = encode(record, format)
      assert.deepEqual(decodeRecord(value, headers), { ...record, ...identity })
    })

    it(`gives back the bytes exactly, whatever they are (${format})`, () => {
      const json = fc.json().map((text) => Buffer.from(text))
      const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
      const tricky = fc.constantFrom(
        '',
        'null',
        '"x"',
        ' {"a" : 1.0} ',
        ',"payload":1',
        '{"timestamp":1}',
        '1e400',
      )
      const text = tricky.map((some) => Buffer.from(some))
      const odd = oddJson.map((some) => Buffer.from(some))
      const types = fc.constantFrom(undefined, 'application/json', 'text/plain', 'image/png')
      fc.assert(
        fc.property(fc.oneof(json, bytes, text, odd), types, (payload, contentType) => {
          const given = { ...record, payload }
          if (contentType === undefined) delete given.contentType
          else given.contentType = contentType
          const { value, headers } = encode(given, format)
          assert.deepEqual(decodeRecord(value, headers).payload, payload)
        }),
        { numRuns: 1000 },
      )
    })

    it(`knows a tombstone from an empty payload (${format})`, () => {
      const { value, headers } = encode({ payload: null }, format)
      assert.equal(decodeRecord(value, headers).payload, null)
    })
  }

  it('takes headers as the bytes that Kafka gives', () => {
    const decoded = decodeRecord(Buffer.from('x'), {
      tenant: Buffer.from('acme'),
      'user-many': [Buffer.from('a'), Buffer.from('b')],
      other: Buffer.from('left alone'),
      'received-at': Buffer.from('no number'),
    })
    assert.deepEqual(decoded, {
      payload: Buffer.from('x'),
      tenant: 'acme',
      levels: { tenant: 'acme' },
      userProperties: { many: ['a', 'b'] },
    })
  })

  it('whose value does not fit its format is handed over as it is', () => {
    for (const value of ['no json', '[]', '{"a":1}', '7', 'null']) {
      assert.deepEqual(decodeRecord(Buffer.from(value), { format: 'json' }).payload, Buffer.from(value))
    }
  })
})
