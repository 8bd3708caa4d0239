/** The checker of the rows itself: each kind of harm, done on purpose, must be found. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { FoundRecord } from './oracle'
import type { AuditLine } from '../support/audit'
import { examineAudit, examineRows, type FoundRow, type RowFindings } from './postgres-oracle'

const TOPIC = 'mtic/msg/client/realtime/tenant-1/project-2/sensor-001'

function record(offset: number, id = `run-${offset}`): FoundRecord {
  const headers = { tenant: 'tenant-1', project: 'project-2', 'mqtt-topic': TOPIC, 'message-id': id }
  return { partition: 0, offset, value: Buffer.from(`{ "id":"${id}" }`), headers, appendedAt: 0 }
}

function row(offset: number, change: Partial<FoundRow> = {}): FoundRow {
  const sha256 = createHash('sha256').update(record(offset).value).digest('hex')
  const tenant = 'tenant-1'
  return {
    ...{ partition: 0, offset, sha256, tenant, project: 'project-2' },
    ...{ mqttTopic: TOPIC, messageId: `run-${offset}` },
    ...change,
  }
}

function found(rows: FoundRow[], deadLetters: FoundRow[] = []): RowFindings {
  const records = [record(1), record(2), record(3), record(4, 'other-1')]
  return examineRows({ run: 'run', records, rows, deadLetters })
}

describe('the oracle of the rows', () => {
  it('has nothing to say when each position is one row or one dead letter', () => {
    const none = {
      missing: [],
      repeated: [],
      invented: [],
      altered: [],
      wrongTenant: [],
      recoveryMs: undefined,
    }
    assert.deepEqual(found([row(1), row(2)], [row(3)]), { rows: 2, deadLetters: 1, ...none })
  })

  it('leaves the rows of other runs alone', () => {
    assert.deepEqual(found([row(1), row(2), row(3), row(4)]).rows, 3)
  })

  it('finds a position that is nowhere', () => {
    assert.deepEqual(found([row(1), row(3)]).missing, ['0/2'])
  })

  it('finds a position that is there twice, also as a row and a dead letter', () => {
    assert.deepEqual(found([row(1), row(2), row(3), row(1)]).repeated, ['0/1'])
    assert.deepEqual(found([row(1), row(2), row(3)], [row(2)]).repeated, ['0/2'])
  })

  it('finds a row without a record', () => {
    assert.deepEqual(found([row(1), row(2), row(3), row(9)]).invented, ['0/9'])
  })

  it('finds another payload, another topic, another message id and another tenant', () => {
    const rows = [row(1, { sha256: '' }), row(2, { mqttTopic: '' }), row(3, { messageId: '' })]
    assert.deepEqual(found(rows).altered, ['0/1', '0/2', '0/3'])
    assert.deepEqual(found([row(1, { tenant: 'tenant-2' }), row(2), row(3)]).wrongTenant, ['0/1'])
  })
})

describe('the recovery of the rows', () => {
  it('is the time from the heal to the first row of a message that was published after it', () => {
    const intents = [1, 2, 3].map((n) => ({ id: `run-${n}`, publishedAt: n * 1000 }))
    const createdAt = { 1: 2100, 2: 2900, 3: 2500 }
    const rows = ([1, 2, 3] as const).map((n) => row(n, { createdAt: createdAt[n] }))
    const records = [record(1), record(2), record(3)]
    const recovered = (deadLetters: FoundRow[] = []): number | undefined => {
      const left = rows.filter(({ offset }) => !deadLetters.some((dead) => dead.offset === offset))
      return examineRows({ run: 'run', intents, healedAt: 2000, records, rows: left, deadLetters }).recoveryMs
    }
    assert.equal(recovered(), 500)
    assert.equal(recovered([row(3)]), 900, 'a dead letter is no row')
  })
})

describe('the check of the audit', () => {
  const line = (change: Partial<AuditLine> = {}): AuditLine => ({
    ...{
      sink: 's',
      partition: 0,
      first: 1,
      next: 4,
      rows: 2,
      deadLetters: 1,
      filtered: 0,
      added: 0,
      unaccounted: 0,
    },
    ...change,
  })
  const complaints = (audited: AuditLine): string[] => examineAudit([audited], [row(1), row(2)], [row(3)])

  it('has nothing to say when the counts are those of the tables', () =>
    assert.deepEqual(complaints(line()), []))

  for (const change of [
    { unaccounted: 1 },
    { unaccounted: null },
    { rows: 3 },
    { deadLetters: 0 },
    { next: 3 },
  ]) {
    it(`complains about ${JSON.stringify(change)}`, () => assert.equal(complaints(line(change)).length, 1))
  }

  it('leaves out rows of other partitions, of before, and of elsewhere', () => {
    const others = [row(1, { partition: 5 }), row(9), row(1, { offset: null, partition: null as never })]
    assert.deepEqual(examineAudit([line()], [row(1), row(2), ...others], [row(3)]), [])
  })
})
