/** Two ways in which time goes wrong in Node.js: timers that are too long, and a time of day that jumps. */
import assert from 'node:assert/strict'
import { filesIn, nodeTypes, optionsOf, readText } from '../support/package'

/** `setTimeout` takes no more, and fires at once instead. */
const LONGEST_TIMER_MS = 2 ** 31 - 1
/** Of a Kafka topic: no timer of ours waits for it. */
const NO_TIMERS = new Set([
  'retentionMs',
  'sessionExpirySeconds',
  'retentionDays',
  'chunkHours',
  'compressAfterDays',
  'minuteDays',
  'quarterDays',
  'hourDays',
  'dayDays',
  'pastDays',
  'futureDays',
])
const MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, days: 86_400_000 }

/** Where the time of day is read, because it goes into a record, a table or a sentence. */
const READ_TIME_OF_DAY = [
  'src/dead-letters/dead-letter.ts',
  'src/kafka/consume/source.ts',
  'src/kafka/drivers/kafkajs/patches/clock.ts',
  'src/kafka/drivers/kafkajs/patches/idle-guard.ts',
  'src/mqtt/loss/loss-watch.ts',
  'src/mqtt/session/session.ts',
  'src/mqtt/source.ts',
  'src/postgres/connect/server-clock.ts',
  'src/postgres/table/arrivals.ts',
  'src/postgres/table/outdated-parts.ts',
  'src/postgres/table/retention.ts',
  'src/watch/history.ts',
]

describe('clocks', () => {
  it('no option makes a timer longer than Node.js can wait', () => {
    for (const type of nodeTypes) {
      for (const [name, option] of Object.entries(optionsOf(type))) {
        const { unit, max } = option as { unit?: string; max?: number }
        const factor = MS[unit ?? '']
        if (factor === undefined || max === undefined || NO_TIMERS.has(name)) continue
        assert.ok(max * factor <= LONGEST_TIMER_MS, `${type} ${name}`)
      }
    }
  })

  it('the time of day is only written down', () => {
    const reading = ['src', 'nodes', 'plugins']
      .flatMap(filesIn)
      .filter((file) => file.endsWith('.ts') && /\bDate\.now\(|new Date\(\)/.test(readText(file)))
    assert.deepEqual(reading.sort(), READ_TIME_OF_DAY)
  })
})
