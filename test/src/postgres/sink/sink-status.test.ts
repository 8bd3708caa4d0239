import assert from 'node:assert/strict'
import { SinkStatus } from '../../../../src/postgres/sink/sink-status'
import { asDatabaseError } from '../../../../src/postgres/connect/database-error'
import type { PipelineError } from '../../../../src/wire/errors'
import { shownInEnglish } from '../../../support/statuses'

const well = {
  problem: undefined,
  ready: true,
  waiting: 0,
  counts: { rows: 0, rejected: 0 },
  server: undefined,
  tenantProblems: new Map<string, PipelineError>(),
}
const down = asDatabaseError({ code: 'ECONNREFUSED' }, 'writing')

describe('the status of the sink', () => {
  it('is what it writes and what is in flight', () => {
    let nowMs = 0
    const status = new SinkStatus(() => nowMs)
    nowMs = 2000
    assert.deepEqual(
      shownInEnglish(status.of({ ...well, waiting: 3, counts: { rows: 2480, rejected: 0 } })),
      {
        fill: 'green',
        shape: 'dot',
        text: '1,240/s · 3 in flight',
      },
    )
    assert.equal(
      shownInEnglish(status.of({ ...well, counts: { rows: 2480, rejected: 1 } })).text,
      '1,240/s · 0 in flight · 1 rejected',
    )
  })

  it('names the server, where there are several', () => {
    assert.equal(
      shownInEnglish(new SinkStatus().of({ ...well, server: 'db2:5432' })).text,
      '0/s · 0 in flight · db2:5432',
    )
  })

  it('is what keeps it from writing, and how much waits', () => {
    const text = (waiting: number) =>
      shownInEnglish(new SinkStatus().of({ ...well, problem: down, waiting })).text
    assert.deepEqual([0, 1, 3].map(text), [
      'PostgreSQL: not reachable',
      'PostgreSQL: not reachable, 1 batch waiting',
      'PostgreSQL: not reachable, 3 batches waiting',
    ])
  })

  it('is whose own table cannot be written, while the others continue', () => {
    const text = (...tenants: string[]) =>
      shownInEnglish(
        new SinkStatus().of({ ...well, tenantProblems: new Map(tenants.map((tenant) => [tenant, down])) }),
      )
    assert.deepEqual(text('a'), {
      fill: 'yellow',
      shape: 'dot',
      text: 'table of a: not reachable · 0/s · 0 in flight',
    })
    assert.equal(text('a', 'b', 'c').text, 'table of a and 2 more: not reachable · 0/s · 0 in flight')
  })

  it('says that it is connecting until it knows', () => {
    assert.equal(new SinkStatus().of({ ...well, ready: false }).text, 'connecting')
  })
})
