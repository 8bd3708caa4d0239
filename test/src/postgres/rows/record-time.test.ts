import assert from 'node:assert/strict'
import {
  clockText,
  dateText,
  isWithin,
  namesATime,
  timeText,
} from '../../../../src/postgres/rows/record-time'
import { parseInstant } from '../../../../src/time/instant'

describe('the time of a record', () => {
  const utc = Date.UTC(2024, 10, 27, 14, 46, 0)
  for (const [given, expected] of [
    [1732718760, utc],
    [1732718760000, utc],
    ['1732718760', utc],
    ['1732718760.5', utc + 500],
    [new Date(utc), utc],
    ['2024-11-27T14:46:00Z', utc],
    ['2024-11-27 14:46', utc],
    ['2024-11-27T15:46:00.123456789+01:00', utc + 123.456],
    ['2024-11-27T09:16:00-0530', utc],
    ['2024-11-27', Date.UTC(2024, 10, 27)],
    ['1732718760123456', utc + 123.456],
    [1732718760123456, utc + 123.456],
    ['1732718760123456789', utc + 123.456],
    [0, 0],
    [1e8, 1e11],
    ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1)],
  ] as const) {
    it(`reads ${given instanceof Date ? 'a Date' : JSON.stringify(given)}`, () =>
      assert.equal(parseInstant(given), expected))
  }

  for (const given of [
    'now',
    'tomorrow',
    'infinity',
    '',
    '20/11/2026',
    '2026-02-30',
    '2025-02-30T10:00:60Z',
    '2025-01-32T10:00:60Z',
    '0024-01-01',
    // Days, seconds of 1970, microseconds of a day: too little to tell.
    20054,
    99_999_999,
    52_200_000_000,
    1e13,
    '2026-13-01',
    '2026-00-00',
    '2026-01-01T25:00',
    '2026-01-01T10:00:00+99:00',
    NaN,
    Infinity,
    -1,
    1e20,
    null,
    undefined,
    true,
    {},
    new Date(NaN),
  ]) {
    it(`does not read ${String(JSON.stringify(given))}`, () => assert.equal(parseInstant(given), undefined))
  }

  for (const [timeMs, text] of [
    [utc, '2024-11-27T14:46:00.000Z'],
    [utc + 123.456, '2024-11-27T14:46:00.123456Z'],
    [utc + 999.999, '2024-11-27T14:46:00.999999Z'],
    [-0.001, '1969-12-31T23:59:59.999999Z'],
    [Date.UTC(10_000, 0, 1), '10000-01-01T00:00:00.000Z'],
    [8.64e15, '275760-09-13T00:00:00.000Z'],
  ] as const) {
    it(`is written as ${text}`, () => assert.equal(timeText(timeMs), text))
  }

  it('keeps its microseconds, seconds as text too', () => {
    for (let micros = 0; micros < 1000; micros++) {
      const digits = String(micros).padStart(3, '0')
      const parsed = parseInstant(`1732718760.000${digits}`)
      assert.equal(
        timeText(parsed as number).replace('.000Z', '.000000Z'),
        `2024-11-27T14:46:00.000${digits}Z`,
      )
    }
  })

  it('is accepted within its bounds only', () => {
    const bounds = { pastDays: 2, futureDays: 1 }
    const day = 86_400_000
    assert.deepEqual(
      [-2, -1, 0, 1].map((days) => isWithin(bounds, utc + days * day, utc)),
      [true, true, true, true],
    )
    assert.deepEqual(
      [isWithin(bounds, utc - 2 * day - 1, utc), isWithin(bounds, utc + day + 1, utc)],
      [false, false],
    )
  })
})

describe('a time of day', () => {
  for (const [given, zoned, utc] of [
    ['14:30', '14:30:00Z', '14:30:00Z'],
    [' 04:05:06.789 ', '04:05:06.789Z', '04:05:06.789Z'],
    ['04:05:06+05:30', '04:05:06+05:30', '22:35:06.000Z'],
    ['23:05 -03', '23:05:00-03', '02:05:00.000Z'],
    ['23:59:59.9999999', '23:59:59.999999Z', '23:59:59.999999Z'],
    ['2024-11-27T15:46:00+01:00', '14:46:00.000Z', '14:46:00.000Z'],
    [1732718760000, '14:46:00.000Z', '14:46:00.000Z'],
    [52200000000, '14:30:00.000Z', '14:30:00.000Z'],
    [86399999999, '23:59:59.999999Z', '23:59:59.999999Z'],
    [0, '00:00:00Z', '00:00:00Z'],
  ] as const)
    it(`is read from ${JSON.stringify(given)}`, () =>
      assert.deepEqual([clockText(given, true), clockText(given, false)], [zoned, utc]))

  // Of a number of this size it cannot be told whether it counts seconds since 1970 or microseconds of the day.
  const numbers = [1732718760, '1732718760', 3600000000, 52200000, 86399, 86400000000, -1]
  for (const given of [
    'now',
    'allballs',
    '',
    '25:00',
    '14:60',
    '14:30 now',
    '14:30+99',
    true,
    null,
    {},
    ...numbers,
  ])
    it(`is not ${JSON.stringify(given)}`, () => assert.equal(clockText(given, true), undefined))
})

describe('a date', () => {
  for (const [given, expected] of [
    [20054, '2024-11-27'],
    [-1826, '1965-01-01'],
    [0, '1970-01-01'],
    ['2024-11-27T23:30:00-05:00', '2024-11-28'],
    [1732718760123456, '2024-11-27'],
  ] as const)
    it(`is read from ${JSON.stringify(given)}`, () => assert.equal(dateText(given), expected))

  for (const given of [20241127, '20241127', '2024', '20054', 1.5, 'today', true, null])
    it(`is not ${JSON.stringify(given)}`, () => assert.equal(dateText(given), undefined))
})

describe('several times in a text', () => {
  for (const text of [
    '{now}',
    '[n"o"w,)',
    '{t\\oday}',
    '["2024-11-27", Infinity)',
    '[,-infinity]',
    '{"epoch"}',
  ])
    it(`are not all known in ${text}`, () => assert.equal(namesATime(text), true))
  for (const text of ['{"2024-11-27T14:46:00Z"}', '[2024-11-27,)', 'empty', '{27 Nov 2024}'])
    it(`are known in ${text}`, () => assert.equal(namesATime(text), false))
})
