import assert from 'node:assert/strict'
import { keptRecord, payloadPaths, sampleOf } from '../../../../src/kafka/consume/record-sample'
import type { WireRecord } from '../../../../src/wire/message'

const record = (payload: unknown, more: Partial<WireRecord> = {}): WireRecord => ({
  tenant: 'acme',
  topic: 'a/b',
  payload,
  kafka: {
    topic: 't',
    partition: 2,
    offset: 7,
    key: Buffer.from('k'),
    timestamp: 0,
    headers: { site: Buffer.from('x') },
  },
  ...more,
})

describe('the sample of a consumer', () => {
  it('has the fields of the record and the paths of its payload', () => {
    assert.deepEqual(sampleOf(keptRecord(record(Buffer.from('{"v":[1,{"w":2}],"a.b":1,"":2}')))), {
      topic: 't',
      partition: 2,
      offset: 7,
      time: '1970-01-01T00:00:00.000Z',
      fields: [
        ['tenant', 'acme'],
        ['topic', 'a/b'],
        ['kafka.key', 'k'],
        ['kafka.headers.site', 'x'],
      ],
      payload: '{"v":[1,{"w":2}],"a.b":1,"":2}',
      paths: [
        ...['tenant', 'topic', 'kafka.key', 'kafka.headers.site'],
        ...['payload.v', 'payload.v.0', 'payload.v.1', 'payload.v.1.w'],
      ],
    })
  })

  it('is a copy, and short, however much was fetched', () => {
    const fetched = Buffer.alloc(1_000_000, 'x')
    const kept = keptRecord(record(fetched))
    assert.ok((kept.payload as Buffer).buffer !== fetched.buffer)
    assert.equal((kept.payload as Buffer).length, 65_536)
    const { payload, paths } = sampleOf(kept)
    assert.equal(payload.length, 2_001)
    assert.equal(paths.length, 4)
  })

  it('is bounded in depth and number, and goes over no list of any length', () => {
    const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`p${n}`, n]))
    assert.equal(payloadPaths(wide).length, 300)
    assert.deepEqual(payloadPaths({ list: Array.from({ length: 9 }, () => 1) }), [
      ...['payload.list', 'payload.list.0', 'payload.list.1', 'payload.list.2'],
    ])
    let deep: object = {}
    for (let n = 0; n < 50; n++) deep = { n: deep }
    assert.equal(payloadPaths(deep).length, 6)
  })

  it('has no paths of what is no JSON', () => {
    for (const payload of [null, undefined, Buffer.from('{'), Buffer.from([0xff]), Buffer.from('1'), 'text'])
      assert.deepEqual(payloadPaths(payload), [])
    assert.equal(sampleOf(keptRecord(record(null))).payload, '')
  })
})
