import assert from 'node:assert/strict'
import { firstKeptPart, keptFromMs } from '../../../../src/postgres/rows/kept-time'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

describe('what the retention keeps', () => {
  const now = Date.UTC(2025, 10, 20, 13, 30)
  const keptFrom = (days: number, partMs: number): string =>
    new Date(keptFromMs({ days, partMs }, now)).toISOString()

  it('is whole days in UTC: the first is the day that began that many days ago', () => {
    assert.equal(keptFrom(3, DAY_MS), '2025-11-17T00:00:00.000Z')
  })

  it('is one day less at midnight, and not before', () => {
    const midnight = Date.UTC(2025, 10, 21)
    const kept = { days: 3, partMs: DAY_MS }
    assert.equal(firstKeptPart(kept, midnight) - firstKeptPart(kept, midnight - 1), 1)
  })

  it('is whole chunks where these have another length: one goes when its last row is so old', () => {
    assert.equal(keptFrom(3, 6 * HOUR_MS), '2025-11-17T12:00:00.000Z')
    assert.equal(keptFrom(3, HOUR_MS), '2025-11-17T13:00:00.000Z')
  })
})
