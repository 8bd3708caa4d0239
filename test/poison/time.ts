/**
 * Times of devices: P70 to P87. None of them is handed to PostgreSQL as text. As the row's own time what cannot be
 * read, or is out of bounds, is replaced by Kafka's timestamp and the row says so; for any other column a time that
 * cannot be read makes a dead letter.
 */
import { column, madeByFlow, type PoisonInput } from './poison-input'

/** Far from the bounds of the sink, and never the Kafka timestamp of a test. */
const TODAY = new Date().toISOString().slice(0, 10)
const KAFKA = { time_source: 'kafka' }

const rowTime = (
  id: PoisonInput['id'],
  title: string,
  json: string | undefined,
  row: { time_source: string; time?: string },
): PoisonInput => ({
  id,
  title: `${title}, as the time of the row`,
  stage: 'device time',
  record: { payload: Buffer.from(json === undefined ? '{}' : `{"time":${json}}`) },
  end: { row },
})

/** What no column may take for a time. */
const NO_TIMES: readonly (readonly [PoisonInput['id'], title: string, json: string])[] = [
  ['P70', 'infinity', '"infinity"'],
  ['P70', 'minus infinity', '"-infinity"'],
  ['P71', 'the year 294277', '"294277-01-01T00:00:00Z"'],
  ['P71', 'the year 294277 with a sign', '"+294277-01-01T00:00:00Z"'],
  ['P72', '4714 BC', '"4714-11-24 00:00:00 BC"'],
  ['P72', 'a negative year', '"-4714-11-24T00:00:00Z"'],
  ['P73', '30 February', '"2026-02-30T00:00:00Z"'],
  ['P73', '29 February of a common year', '"2026-02-29"'],
  ['P74', 'the month 13', '"2026-13-01T00:00:00Z"'],
  ['P74', 'no month and no day', '"0000-00-00"'],
  ['P78', 'an offset of 99 hours', `"${TODAY}T10:00:00+99:00"`],
  ['P78', 'an offset of 99 minutes', `"${TODAY}T10:00:00+01:99"`],
  ['P79', '25 o\u2019clock', `"${TODAY}T25:00:00Z"`],
  ['P79', '24 o\u2019clock', `"${TODAY}T24:00:00Z"`],
  ['P80', 'no text', '""'],
  ['P80', 'a blank', '" "'],
  ['P81', 'now', '"now"'],
  ['P81', 'tomorrow', '"tomorrow"'],
  ['P81', 'today with a time', '"today 10:00"'],
  ['P81', 'epoch', '"epoch"'],
  ['P81', 'allballs', '"allballs"'],
  ['P82', 'day, month and year', '"20/11/2026"'],
  ['P82', 'month, day and year', '"11-20-2026"'],
  ['P82', 'the date of a mail', '"Fri, 20 Nov 2026 10:00:00 GMT"'],
  ['P82', 'a julian day', '"J2461365"'],
  ['P83', 'the last instant of JavaScript', '"+275760-09-13T00:00:00.000Z"'],
  ['P85', 'a number that is no time in any unit', '86400000000000000'],
  ['P85', 'days since 1970, or seconds', '20046'],
  ['P86', 'seconds before 1970', '-1'],
  ['P87', 'a boolean', 'true'],
  ['P87', 'an object', '{"seconds":1}'],
  ['P87', 'an array', '[2026,11,20]'],
]

export const TIMES: readonly PoisonInput[] = [
  ...NO_TIMES.map(([id, title, json]) => column(id, title, 'measured_at', json, 'TIME_INVALID')),
  ...NO_TIMES.map(([id, title, json]) => rowTime(id, title, json, KAFKA)),
  column('P75', 'seconds', 'measured_at', '1732715160', { row: '2024-11-27 13:46:00+00' }),
  column('P75', 'seconds as text', 'measured_at', '"1732715160"', { row: '2024-11-27 13:46:00+00' }),
  column('P75', 'seconds with a fraction', 'measured_at', '1732715160.123456', {
    row: '2024-11-27 13:46:00.123456+00',
  }),
  column('P75', 'milliseconds', 'measured_at', '1732715160123', { row: '2024-11-27 13:46:00.123+00' }),
  column('P75', 'milliseconds as text', 'measured_at', '"1732715160123"', {
    row: '2024-11-27 13:46:00.123+00',
  }),
  column('P75', 'microseconds', 'measured_at', '1732715160123456', { row: '2024-11-27 13:46:00.123456+00' }),
  column('P75', 'nanoseconds as a number', 'measured_at', '1732715160123456789', {
    row: '2024-11-27 13:46:00.123456+00',
  }),
  // What is finer than PostgreSQL's microseconds is cut off; the payload keeps it.
  column('P76', 'nanoseconds', 'measured_at', '"2024-11-27T13:46:00.123456789Z"', {
    row: '2024-11-27 13:46:00.123456+00',
  }),
  column('P76', 'the last nanosecond of a day', 'measured_at', '"2024-11-27T23:59:59.999999999Z"', {
    row: '2024-11-27 23:59:59.999999+00',
  }),
  column('P77', 'a leap second', 'measured_at', '"2024-11-27T13:46:60Z"', { row: '2024-11-27 13:47:00+00' }),
  column('P77', 'the second 61', 'measured_at', '"2024-11-27T13:46:61Z"', 'TIME_INVALID'),
  column('P78', 'an offset of 15 hours', 'measured_at', '"2024-11-27T13:46:00-15:30"', {
    row: '2024-11-28 05:16:00+00',
  }),
  column('P78', 'an offset of half an hour', 'measured_at', '"2024-11-27T13:46:00,5+0530"', {
    row: '2024-11-27 08:16:00.5+00',
  }),
  column('P82', 'a text without an offset is UTC', 'measured_at', '"2024-11-27 13:46"', {
    row: '2024-11-27 13:46:00+00',
  }),
  madeByFlow('P84', 'a Date that is none', 'measured_at', new Date(NaN), 'TIME_INVALID'),
  madeByFlow('P85', 'the last Date', 'measured_at', new Date(8.64e15), { row: '275760-09-13 00:00:00+00' }),
  madeByFlow('P85', 'the first Date', 'measured_at', new Date(-8.64e15), 'TIME_INVALID'),
  column('P86', 'a clock that was never set', 'measured_at', '0', { row: '1970-01-01 00:00:00+00' }),
  column('P86', 'a clock that is far ahead', 'measured_at', '"2099-12-31T23:59:59Z"', {
    row: '2099-12-31 23:59:59+00',
  }),
  column('P87', 'null', 'measured_at', 'null', { row: null }),
  rowTime('P76', 'nanoseconds', `"${TODAY}T00:00:00.123456789Z"`, {
    time: `${TODAY} 00:00:00.123456+00`,
    time_source: 'device',
  }),
  rowTime('P75', 'seconds as text', `"${Date.parse(TODAY) / 1000}"`, {
    time: `${TODAY} 00:00:00+00`,
    time_source: 'device',
  }),
  rowTime('P75', 'milliseconds', `${Date.parse(TODAY)}`, {
    time: `${TODAY} 00:00:00+00`,
    time_source: 'device',
  }),
  rowTime('P75', 'seconds that are taken for milliseconds elsewhere', '1732715160', KAFKA),
  rowTime('P86', 'a clock that was never set', '0', KAFKA),
  rowTime('P86', 'a clock that is far ahead', '"2099-12-31T23:59:59Z"', KAFKA),
  rowTime('P87', 'no time', undefined, KAFKA),
  rowTime('P87', 'null', 'null', KAFKA),
]
