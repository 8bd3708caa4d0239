import assert from 'node:assert/strict'
import { CountLog } from '../../../src/log/count-log'
import { keptLog } from '../../support/events'
import { until } from '../../support/until'

describe('CountLog', () => {
  const open = (intervalMs?: number) => {
    const kept = keptLog()
    const counts = new CountLog(kept.log, {
      code: 'REJECTED',
      text: (count) => `${count} records`,
      ...(intervalMs !== undefined && { intervalMs }),
    })
    return { ...kept, counts }
  }

  it('says the first at once, and the others together when it closes', () => {
    const { counts, entries } = open()
    for (let n = 0; n < 1000; n++) counts.add(1, `tenant-${n % 3}`)
    counts.close()
    assert.deepEqual(
      entries.map(({ message, tenant, counts: sums }) => [message, tenant, sums]),
      [
        ['1 records', 'tenant-0', { records: 1 }],
        ['999 records', undefined, { records: 999, tenants: 3 }],
      ],
    )
  })

  it('says the others when the time has come', async () => {
    const { counts, entries } = open(5)
    counts.add(1)
    counts.add(2)
    await until('both lines are there', () => entries.length === 2)
    counts.close()
    assert.deepEqual(entries[1]?.counts, { records: 2 })
  })

  it('says nothing of nothing', () => {
    const { counts, entries } = open()
    counts.add(0)
    counts.close()
    assert.deepEqual(entries, [])
  })
})
