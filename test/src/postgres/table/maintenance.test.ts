import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { Arrivals } from '../../../../src/postgres/table/arrivals'
import type { Database } from '../../../../src/postgres/connect/database'
import { TableMaintenance } from '../../../../src/postgres/table/maintenance'
import type { DailyPartitions } from '../../../../src/postgres/table/partitions'
import { SinkEvents } from '../../../../src/postgres/sink/sink-events'
import { PipelineError } from '../../../../src/wire/errors'
import { keptLog } from '../../../support/events'

const HOUR_MS = 3_600_000

describe('the maintenance of tables', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'setInterval'] }))
  afterEach(() => mock.timers.reset())

  /** A partition that is locked at first, and then one that PostgreSQL does not answer for. */
  function slowMaintenance(): { maintenance: TableMaintenance; runs: () => number; finish: () => void } {
    const locked = new PipelineError('DATABASE', 'locked', { retryable: true })
    let runs = 0
    let finish = (): void => undefined
    const partitions = [
      { ensureAhead: () => Promise.resolve(locked) },
      { ensureAhead: () => new Promise<void>((resolve) => (finish = resolve)) },
    ] as unknown as DailyPartitions[]
    const maintenance = new TableMaintenance({
      database: {} as Database,
      columns: [],
      hypertable: { chunkHours: 24, compressAfterDays: 0 },
      retentionDays: 0,
      watch: new Arrivals(),
      events: new SinkEvents(keptLog().log),
      tables: () => Promise.resolve([]),
      partitions: () => Promise.resolve((runs++, partitions)),
      forgetPartitions: () => undefined,
    })
    return { maintenance, runs: () => runs, finish: () => finish() }
  }
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  it('never runs twice at the same time, and what was due meanwhile begins afterwards', async () => {
    const { maintenance, runs, finish } = slowMaintenance()
    maintenance.start()
    await settled()
    mock.timers.tick(HOUR_MS)
    await settled()
    assert.equal(runs(), 1)
    finish()
    await settled()
    assert.equal(runs(), 2)
    finish()
    await maintenance.close()
    mock.timers.tick(HOUR_MS)
    await settled()
    assert.equal(runs(), 2)
  })

  it('is in order again only after a run in which all has succeeded', async () => {
    let problem: PipelineError | undefined = new PipelineError('DATABASE', 'locked', { retryable: true })
    const partitions = [{ ensureAhead: () => Promise.resolve(problem) }] as unknown as DailyPartitions[]
    const maintenance = new TableMaintenance({
      database: {} as Database,
      columns: [],
      hypertable: { chunkHours: 24, compressAfterDays: 0 },
      retentionDays: 0,
      watch: new Arrivals(),
      events: new SinkEvents(keptLog().log),
      tables: () => Promise.resolve([]),
      partitions: () => Promise.resolve(partitions),
      forgetPartitions: () => undefined,
    })
    assert.equal(maintenance.isInOrder, true)
    maintenance.start()
    const seen: boolean[] = []
    for (let run = 1; run <= 3; run++) {
      await settled()
      seen.push(maintenance.isInOrder)
      if (run === 2) problem = undefined
      mock.timers.tick(60_000)
    }
    assert.deepEqual(seen, [false, false, true])
    await maintenance.close()
  })

  it('is closed when nothing of it is under way', async () => {
    const { maintenance, finish } = slowMaintenance()
    maintenance.start()
    await settled()
    mock.timers.tick(HOUR_MS)
    await settled()
    let closed = false
    const closing = maintenance.close().then(() => (closed = true))
    await settled()
    assert.equal(closed, false)
    finish()
    await closing
  })
})
