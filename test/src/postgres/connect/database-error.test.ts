import assert from 'node:assert/strict'
import { asDatabaseError } from '../../../../src/postgres/connect/database-error'
import { faultOf } from '../../../../src/postgres/connect/sqlstate'

const fromServer = (code: string, message: string, more: object = {}): unknown =>
  Object.assign(new Error(message), { code, severity: 'ERROR', ...more })

describe('errors of PostgreSQL', () => {
  for (const [kind, codes] of [
    ['transient', ['08006', '25006', '40001', '40P01', '53100', '53300', '55P03', '57014', '57P01', '58030']],
    [
      'data',
      [
        '21000',
        '22001',
        '22P02',
        '22P05',
        '23502',
        '23505',
        '23514',
        '44000',
        '54000',
        '54001',
        'P0001',
        'XX000',
        '45000',
        'ZZ999',
      ],
    ],
    [
      'configuration',
      ['0A000', '28P01', '3D000', '3F000', '42501', '42P01', '42703', '55000', 'XX001', '2200H'],
    ],
  ] as const) {
    it(`are ${kind} by their SQLSTATE: ${codes.join(', ')}`, () => {
      assert.deepEqual(
        codes.map((code) => faultOf(code).kind),
        codes.map(() => kind),
      )
    })
  }

  it('say what happened and what to do', () => {
    const refusal: Error = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const refused = new AggregateError([refusal])
    const error = asDatabaseError(refused, 'connecting to PostgreSQL at db:5432/iot')
    assert.equal(error.kind, 'transient')
    assert.equal(error.statusText, 'PostgreSQL: not reachable')
    assert.match(
      error.message,
      /^connecting to PostgreSQL at db:5432\/iot failed: not reachable .*trying again \[ECONNREFUSED\]$/,
    )
    const password = asDatabaseError(
      fromServer('28P01', 'password authentication failed for user "w"'),
      'connecting',
    )
    assert.deepEqual([password.kind, password.statusText], ['configuration', 'PostgreSQL: wrong password'])
  })

  it('name the row of a COPY, for JSON as well', () => {
    const where = 'JSON data, line 1: {"a"\nCOPY iot_messages, line 17, column payload: "{"a""'
    assert.equal(
      asDatabaseError(fromServer('22P02', 'invalid input syntax for type json', { where }), 'x').rowFault
        ?.row,
      16,
    )
  })

  it('take no row from what a device has sent', () => {
    const where =
      'COPY iot_messages, line 17, column payload: "\nCOPY x, line 1, column y: , line 2, column z: "'
    const error = asDatabaseError(fromServer('22P05', 'unsupported Unicode escape sequence', { where }), 'x')
    assert.deepEqual([error.rowFault?.row, error.rowFault?.rule], [16, 'payload'])
  })

  it('say by which constraint or column a row is refused, where PostgreSQL says it', () => {
    const ruleOf = (more: object): string | undefined =>
      asDatabaseError(fromServer('23514', 'refused', more), 'x').rowFault?.rule
    const where = 'COPY iot_messages, line 1: "a\tb"'
    assert.equal(ruleOf({ constraint: 'closed', column: 'site', where }), 'closed')
    assert.equal(ruleOf({ column: 'site', where }), 'site')
    assert.equal(ruleOf({ where }), undefined)
  })

  it('carry nothing of a row', () => {
    const thrown = fromServer('22P02', 'invalid input syntax for type integer: "hunter2"', {
      detail: 'hunter2',
      where: 'COPY t, line 1, column n: "hunter2"',
    })
    const error = asDatabaseError(thrown, 'writing')
    assert.doesNotMatch(JSON.stringify({ ...error, message: error.message, cause: error.cause }), /hunter2/)
  })

  it('tell a missing partition from a violated check', () => {
    const missing = asDatabaseError(
      fromServer('23514', 'no partition', { routine: 'ExecFindPartition' }),
      'writing',
    )
    assert.deepEqual([missing.kind, missing.missingPartition], ['configuration', true])
    assert.equal(asDatabaseError(fromServer('23514', 'violates check'), 'writing').kind, 'data')
  })
})
