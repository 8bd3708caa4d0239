import assert from 'node:assert/strict'
import { faultOf, KNOWN_FAULTS, type Blame, type FaultKind } from '../../../../src/postgres/connect/sqlstate'

/** What becomes of each code; besides those, what a class says holds for all of its codes. */
const TABLE: readonly (readonly [kind: FaultKind, blame: Blame, codes: string])[] = [
  [
    'transient',
    'never',
    '08000 08003 08006 08P01 25006 25P02 25P03 40001 40P01 55P03 55006 53000 53100 53200 53300',
  ],
  ['transient', 'never', '57000 57P01 57P02 57P03 57P05 58000 58030 72000'],
  ['transient', 'in the end', '57014 53400'],
  [
    'data',
    'row',
    '22000 22001 22003 22007 22008 22012 22021 22P02 22P03 22P05 23000 23502 23503 23514 23P01',
  ],
  ['data', 'row', '44000 54000 54001 54011 54023 P0000 P0001 P0002 P0003 P0004'],
  [
    'data',
    'row alone',
    '09000 20000 21000 23505 24000 27000 2F003 38000 39000 XX000 45000 ZZ999 IOT01 99999',
  ],
  [
    'configuration',
    'perhaps',
    '0A000 26000 2BP01 34000 3B001 3F000 42501 42601 42703 42P01 42P10 428C9 42804',
  ],
  ['configuration', 'perhaps', '55000 55P02 HV000'],
  ['configuration', 'never', '2200H 28000 28P01 3D000 F0000 XX001 XX002'],
]

describe('the table of SQLSTATEs', () => {
  for (const [kind, blame, codes] of TABLE) {
    it(`${kind}, a row is at fault: ${blame}: ${codes}`, () => {
      for (const code of codes.split(' ')) {
        const fault = faultOf(code)
        assert.deepEqual([code, fault.kind, fault.blame], [code, kind, blame])
      }
    })
  }

  it('has a reason for each entry, and each is tested', () => {
    const tested = TABLE.flatMap(([, , codes]) => codes.split(' '))
    for (const entry of KNOWN_FAULTS) {
      assert.ok(faultOf(entry.padEnd(5, '0')).reason.length > 5)
      assert.ok(
        tested.some((code) => code.startsWith(entry)),
        entry,
      )
    }
  })

  it('blames no row while the connection, the login or the server is at fault', () => {
    for (const entry of ['08', '28', '3D', '40', '53', '57', '58']) {
      assert.equal(faultOf(`${entry}000`).blame, 'never', entry)
    }
  })
})
