import assert from 'node:assert/strict'
import { bareType, compareColumns, newColumns } from '../../../../src/postgres/preview/column-comparison'
import { defaultColumns } from '../../../../src/postgres/rows/columns'

describe('the columns beside a table', () => {
  it('would all be created, with the one that the database fills', () => {
    const shown = newColumns(defaultColumns('jsonb'), true)
    assert.ok(shown.every(({ state }) => state === 'new'))
    assert.deepEqual(shown.at(-1)?.name, 'created_at')
    assert.equal(shown.at(-1)?.from, undefined)
    assert.equal(shown.find(({ name }) => name === 'kafka_offset')?.from, 'msg.kafka.offset')
  })

  it('that may be left out are no fault', () => {
    const states = compareColumns(defaultColumns('jsonb', true), []).map(({ name, state }) => [name, state])
    assert.deepEqual(states[1], ['time_source', 'left out'])
    assert.deepEqual(states[2], ['tenant_id', 'missing'])
  })

  it('have the same type by whatever name, length or constraint', () => {
    const same = [
      ['timestamptz not null', 'timestamp with time zone'],
      ['varchar(20)', 'character varying(9)'],
      ['numeric(10,2)', 'decimal'],
      ['float8', 'double precision'],
      ['timestamp(3)', 'timestamp(6) without time zone'],
    ] as const
    for (const [one, other] of same) assert.equal(bareType(one), bareType(other))
    assert.notEqual(bareType('text'), bareType('jsonb'))
  })
})
