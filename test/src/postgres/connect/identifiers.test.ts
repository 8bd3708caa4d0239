import assert from 'node:assert/strict'
import { derivedName, literal, qualified } from '../../../../src/postgres/connect/identifiers'
import { IDENTIFIER } from '../../../../src/postgres/connect/name-option'
import { partitionDay, partitionName } from '../../../../src/postgres/table/partitions'

describe('names in SQL', () => {
  it('are quoted', () => {
    assert.equal(qualified({ schema: 'Public', table: 'select' }), '"Public"."select"')
  })

  it('have nothing that could end a quoted name', () => {
    for (const name of ['a"b', 'a b', '', '1a', 'ä', 'a'.repeat(64), 'a;b'])
      assert.doesNotMatch(name, IDENTIFIER)
    for (const name of ['a', '_a1', 'A'.repeat(63)]) assert.match(name, IDENTIFIER)
  })

  it('and texts cannot end the quotes that they are in', () => {
    assert.equal(literal(`it's`), `'it''s'`)
    assert.equal(literal('a\\'), String.raw` E'a\\'`)
    assert.equal(literal(undefined), 'null')
  })

  it('stay apart when they are derived from names that begin alike and are long', () => {
    const long = 'x'.repeat(62)
    const [one, other] = [derivedName(`${long}1`, '_p20251120'), derivedName(`${long}2`, '_p20251120')]
    assert.notEqual(one, other)
    for (const name of [one, other]) assert.ok(Buffer.byteLength(name) <= 63)
  })

  it('of partitions tell their day, and only ours', () => {
    const table = { schema: 'public', table: 'iot' }
    const day = Date.UTC(2025, 10, 20) / 86_400_000
    assert.equal(partitionName(table, day), 'iot_p20251120')
    assert.equal(partitionDay(table, 'iot_p20251120'), day)
    assert.equal(partitionDay(table, partitionName(table, day, 12)), day)
    const foreign = ['iot_p20251132', 'iot_default', 'other_p20251120', 'iot_p2025_11_20', 'iot_p20251120_1']
    for (const name of foreign) {
      assert.equal(partitionDay(table, name), undefined)
    }
  })
})
