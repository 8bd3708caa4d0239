import assert from 'node:assert/strict'
import { readConsumerOptions } from '../../../nodes/tenant-kafka-consumer/options'
import { wireRecordOf } from '../../../src/kafka/consume/consumed-record'
import { parseFilterTime } from '../../../src/postgres/replay/dead-letter-filter'
import { parseInstant } from '../../../src/time/instant'
import { consumedRecord } from '../../support/consumed-records'

/** Wherever a user or another program writes a time. */
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  'a device': parseInstant,
  'where a consumer starts': (startTime) => {
    const { start } = readConsumerOptions('n', { topics: 't', group: 'g', start: 'time', startTime })
    return (start as { timestamp: number }).timestamp
  },
  'the filter of a replay': (text) => parseFilterTime('from', text),
  "another producer's envelope": (text) => {
    const value = Buffer.from(JSON.stringify({ tenant_id: 'a', payload: 1, timestamp: text }))
    return wireRecordOf(consumedRecord({ value }), { topic: 't', partition: 0 }).receivedAt
  },
}

describe('a time without a time zone', () => {
  const zone = process.env['TZ']
  before(() => (process.env['TZ'] = 'Asia/Shanghai'))
  after(() => {
    if (zone === undefined) delete process.env['TZ']
    else process.env['TZ'] = zone
  })

  it('would be local time to JavaScript', () =>
    assert.notEqual(Date.parse('2026-11-20T08:00:00'), Date.UTC(2026, 10, 20, 8)))

  for (const [where, read] of Object.entries(READERS)) {
    it(`is UTC from ${where}`, () => {
      for (const text of [
        '2026-11-20T08:00:00',
        '2026-11-20 08:00',
        '2026-11-20T16:00:00+08:00',
        '1795161600',
      ])
        assert.equal(read(text), Date.UTC(2026, 10, 20, 8), text)
    })
  }
})

describe('an instant', () => {
  it('has its unit from its size alone, to the microsecond', () => {
    for (const seconds of [100_000_000n, 1_732_715_160n, 4_102_444_800n, 8_700_000_000n]) {
      for (const micros of [0n, 1n, 999_999n]) {
        const nanos = (seconds * 1_000_000n + micros) * 1000n
        const ms = Number(seconds) * 1000 + Number(micros) / 1000
        assert.equal(parseInstant(String(nanos)), ms)
        assert.equal(parseInstant(String(nanos / 1000n)), ms)
        assert.equal(parseInstant(String(nanos / 1_000_000n)), Math.floor(ms))
        assert.equal(parseInstant(String(seconds)), Number(seconds) * 1000)
        assert.equal(parseInstant(`${seconds}.${String(micros).padStart(6, '0')}`), ms)
      }
    }
  })
})
