import assert from 'node:assert/strict'
import fc from 'fast-check'
import { DAY_MS } from '../../../../src/postgres/rows/record-time'
import { rowTime, type TimeRules } from '../../../../src/postgres/rows/row-time'
import type { WireRecord } from '../../../../src/wire/message'

const NOW = 20_000 * DAY_MS + 1234
const RULES: TimeRules = {
  timeProperty: undefined,
  bounds: { pastDays: 31, futureDays: 1 },
  boundTime: true,
  keeping: { days: 3, partMs: DAY_MS },
  isKey: false,
}
const DEVICE: TimeRules = { ...RULES, timeProperty: ['payload', 'at'] }
const record = (timestamp: unknown, receivedAt?: unknown): WireRecord =>
  ({ kafka: { timestamp }, receivedAt }) as WireRecord
const ago = (days: number): number => NOW - days * DAY_MS

describe('the time of a row', () => {
  const cases: [title: string, rules: TimeRules, record: WireRecord, own: unknown, expected: unknown][] = [
    ['Kafka', RULES, record(ago(1), NOW), undefined, [ago(1), 'kafka', false]],
    ['the device', DEVICE, record(NOW), ago(2), [ago(2), 'device', false]],
    ['Kafka, without a time of the device', DEVICE, record(ago(1)), 'now', [ago(1), 'kafka', true]],
    ['the reception, when Kafka is years behind', RULES, record(ago(3650), ago(1)), undefined, [ago(1), 'arrival', true]],
    ['the reception, when Kafka is days ahead', RULES, record(ago(-9), ago(1)), undefined, [ago(1), 'arrival', true]],
    ['the reception, when device and Kafka are years behind', DEVICE, record(0, ago(1)), 0, [ago(1), 'arrival', true]],
    ['the reception, when Kafka has none', RULES, record(-1, ago(1)), undefined, [ago(1), 'arrival', false]],
    ['the database, when there is no other', RULES, record(-1), undefined, [NOW, 'arrival', false]],
    // It may be that the record waited in Kafka for as long: an outage, or a topic that is read from its beginning.
    ['Kafka, when it is older than the table keeps', RULES, record(ago(9), NOW), undefined, [ago(9), 'kafka', false]],
    ['Kafka, whatever it says, in a table without days', { ...RULES, boundTime: false }, record(0), undefined, [0, 'kafka', false]],
  ] // prettier-ignore
  for (const [title, rules, given, own, expected] of cases) {
    it(`is that of ${title}`, () => {
      const time = rowTime(rules, given, own, NOW)
      assert.deepEqual([time?.timeMs, time?.source, time?.isReplaced], expected)
    })
  }

  const none: [title: string, rules: TimeRules, record: WireRecord][] = [
    ['Kafka is years behind, and nothing says when the record was received', RULES, record(0)],
    ['both are years behind: an old topic is read from its beginning', RULES, record(ago(3650), ago(3650))],
    ['both are days ahead', RULES, record(ago(-9), ago(-9))],
    ['the table no longer keeps the time of reception', RULES, record(0, ago(9))],
    ['Kafka has none, and the reception is out of bounds', RULES, record(-1, ago(3650))],
    ['the time is part of the key: a repetition would become a second row', { ...RULES, isKey: true }, record(0, NOW)],
  ] // prettier-ignore
  for (const [title, rules, given] of none) {
    it(`is none, when ${title}`, () => {
      assert.equal(rowTime(rules, given, undefined, NOW), undefined)
    })
  }

  it('always has a place in the table, and is never the clock where Kafka has a timestamp, whatever clocks say', () => {
    const time = fc.oneof(fc.integer({ min: -1, max: 2 * NOW }), fc.constantFrom(undefined, NaN, '0', 1e300))
    fc.assert(
      fc.property(time, time, time, fc.boolean(), (timestamp, receivedAt, own, isKey) => {
        const row = rowTime({ ...DEVICE, isKey }, record(timestamp, receivedAt), own, NOW)
        if (row === undefined) return
        assert.ok(row.timeMs >= ago(31) && row.timeMs <= ago(-1), String(row.timeMs))
        const isStamped = typeof timestamp === 'number' && timestamp >= 0 && timestamp < 1e300
        if (isStamped && row.source === 'arrival') assert.equal(row.timeMs, receivedAt)
      }),
    )
  })
})
