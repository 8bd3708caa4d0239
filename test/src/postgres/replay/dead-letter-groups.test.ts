import assert from 'node:assert/strict'
import { groupOf } from '../../../../src/postgres/replay/dead-letter-groups'

describe('a group of dead letters', () => {
  const row = {
    why: 'JSON_INVALID',
    tenant_id: 'acme',
    count: 3,
    waiting: 2,
    first_at: new Date('2026-11-30T08:00:00Z'),
    last_at: new Date('2026-11-30T09:00:00Z'),
    reason: 'the payload is not JSON',
    mqtt_topic: 'a/b',
    payload: Buffer.from('{"a":'),
    payload_length: '5',
  }

  it('is shown with its times and a sample', () => {
    assert.deepEqual(groupOf(row), {
      reason: 'JSON_INVALID',
      tenant: 'acme',
      count: 3,
      waiting: 2,
      first: '2026-11-30T08:00:00.000Z',
      last: '2026-11-30T09:00:00.000Z',
      sample: { message: 'the payload is not JSON', topic: 'a/b', payload: '{"a":' },
    })
  })

  it('is short, however long its texts are', () => {
    const long = { ...row, tenant_id: null, reason: 'x'.repeat(10_000), payload: Buffer.alloc(2048, 'y') }
    const { tenant, sample } = groupOf({ ...long, payload_length: '1000000' })
    assert.equal(tenant, undefined)
    assert.equal(sample.message.length, 501)
    assert.equal(sample.payload.length, 301)
  })
})
