import assert from 'node:assert/strict'
import { PipelineError } from '../../../src/wire/errors'
import { OutageLog } from '../../../src/log/outage-log'
import { keptLog } from '../../support/events'

const failure = (code: string): PipelineError => new PipelineError(code, `it is ${code}`, { retryable: true })

describe('OutageLog', () => {
  let nowMs: number
  let outage: OutageLog
  let kept: ReturnType<typeof keptLog>

  const open = (settleMs = 0): void => {
    nowMs = 0
    kept = keptLog()
    outage = new OutageLog(kept.log, {
      away: 'KAFKA_AWAY',
      back: 'KAFKA_BACK',
      backText: 'it is back',
      first: ['KAFKA_CONNECTED', 'it is there'],
      settleMs,
      now: () => nowMs,
    })
  }
  const codes = (): string[] => kept.entries.map(({ code }) => code)
  beforeEach(() => open())
  afterEach(() => outage.close())

  it('logs two lines for an outage, however often it is reported', () => {
    for (nowMs = 0; nowMs < 30_000; nowMs += 1000) outage.report(failure('DOWN'), { counts: { waiting: 7 } })
    for (; nowMs < 60_000; nowMs += 1000) outage.report(undefined)
    assert.deepEqual(kept.entries, [
      {
        level: 'error',
        message: 'it is DOWN',
        code: 'KAFKA_AWAY',
        node: 'test',
        reason: 'DOWN',
        counts: { waiting: 7 },
      },
      {
        level: 'info',
        message: 'it is back, after 30 s',
        code: 'KAFKA_BACK',
        node: 'test',
        counts: { seconds: 30 },
      },
    ])
  })

  it('says once that all is well from the start', () => {
    outage.report(undefined)
    outage.report(undefined)
    assert.deepEqual(codes(), ['KAFKA_CONNECTED'])
  })

  it('names each reason once in an outage, and again in the next', () => {
    for (const code of ['A', 'B', 'A', 'B']) outage.report(failure(code))
    outage.report(undefined)
    nowMs = 100_000
    outage.report(failure('A'))
    assert.deepEqual(
      kept.entries.map(({ reason }) => reason),
      ['A', 'B', undefined, 'A'],
    )
  })

  it('takes flapping for one long outage', () => {
    outage.report(failure('A'))
    outage.report(undefined)
    for (nowMs = 1000; nowMs < 60_000; nowMs += 1000)
      outage.report(nowMs % 2000 === 0 ? undefined : failure('A'))
    for (; nowMs < 80_000; nowMs += 1000) outage.report(undefined)
    assert.deepEqual(codes(), ['KAFKA_AWAY', 'KAFKA_BACK', 'KAFKA_AWAY', 'KAFKA_BACK'])
    assert.deepEqual(kept.entries.at(-1)?.counts, { seconds: 59 })
  })

  it('is over only when the problem has been gone for the given time', () => {
    open(5000)
    outage.report(failure('A'))
    outage.report(undefined)
    nowMs = 4000
    outage.report(failure('A'))
    nowMs = 6000
    outage.report(undefined)
    nowMs = 10_999
    outage.report(undefined)
    assert.deepEqual(codes(), ['KAFKA_AWAY'])
    nowMs = 11_000
    outage.report(undefined)
    assert.deepEqual(codes(), ['KAFKA_AWAY', 'KAFKA_BACK'])
  })
})
