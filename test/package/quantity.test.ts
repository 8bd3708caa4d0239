/** Times and sizes in the dialogs: what a property keeps never depends on the unit in which it is shown. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { kept, readable, shown, unitNames, unitsOf } from '../../editor/quantity'
import { integer } from '../../src/config/options'
import { nodeTypes, optionsOf } from '../support/package'

const option = (unit: string, max = Number.MAX_SAFE_INTEGER) => integer({ default: 1, min: 0, max, unit })
const optionsWithUnits = nodeTypes.flatMap((type) =>
  Object.entries(optionsOf(type)).flatMap(([name, one]) => {
    const units = unitsOf(one)
    return units === undefined || one.kind !== 'integer' ? [] : [{ name: `${type}.${name}`, one, units }]
  }),
)

describe('times and sizes in the dialogs', () => {
  for (const { name, one, units } of optionsWithUnits) {
    it(`keep the number of ${name} in any unit in which it is shown`, () => {
      fc.assert(
        fc.property(fc.integer({ min: one.min, max: one.max }), (number) => {
          const { amount, unit } = shown(String(number), units)
          assert.equal(kept(amount, unit), String(number))
        }),
      )
      for (const number of [one.min, one.max, one.default]) {
        const { amount, unit } = shown(String(number), units)
        assert.equal(kept(amount, unit), String(number))
      }
    })

    it(`keep whatever else is in ${name}: a variable, text, a fraction that is no whole number`, () => {
      for (const text of ['', '${WAIT}', '$(a.b)', 'soon', '-1', '1e3', '0x10', ' 5 5']) {
        const { amount, unit } = shown(text, units)
        assert.equal(amount, text)
        assert.equal(kept(amount, unit), text.trim())
      }
    })
  }

  const read: readonly (readonly [unit: string, number: string, shownAs: string])[] = [
    ['ms', '259200000', '3 days'],
    ['ms', '86400000', '24 h'],
    ['ms', '30000', '30 s'],
    ['ms', '90000', '90 s'],
    ['ms', '60000', '1 min'],
    ['ms', '20', '20 ms'],
    ['ms', '1500', '1500 ms'],
    ['ms', '0', '0 ms'],
    ['ms', '-1', '-1 ms'],
    ['s', '604800', '7 days'],
    ['s', '60', '1 min'],
    ['hours', '24', '24 h'],
    ['hours', '168', '7 days'],
    ['bytes', '33554432', '32 MiB'],
    ['bytes', '900000', '900 kB'],
    ['bytes', '1048576', '1 MiB'],
    ['bytes', '65536', '64 KiB'],
    ['bytes', '1048588', '1048588 bytes'],
  ]
  for (const [unit, number, shownAs] of read) {
    it(`show ${number} ${unit} as ${shownAs}`, () => {
      const { amount, unit: chosen } = shown(number, unitsOf(option(unit))!)
      assert.equal(`${amount} ${chosen.name}`, shownAs)
    })
  }

  it('take fractions that make a whole number, and give others to the option, which refuses them', () => {
    const [ms, s] = unitsOf(option('ms'))!
    assert.equal(kept('0.3', s!), '300')
    assert.equal(kept('1.001', s!), '1001')
    assert.equal(kept('1.0005', s!), '1000.5')
    assert.equal(kept('2', ms), '2')
  })

  it('offer no unit that is larger than the largest value, and no choice of one', () => {
    assert.deepEqual(
      unitsOf(option('ms', 10_000))?.map(({ name }) => name),
      ['ms', 's'],
    )
    for (const unit of ['days', 'rows', '']) assert.equal(unitsOf(option(unit)), undefined)
  })

  it('say a bound in the unit in which people think of it', () => {
    assert.deepEqual(readable(1, 'days')?.amount, '24')
    assert.deepEqual(readable(31, 'days')?.unit.name, 'days')
    assert.equal(readable(5, 'rows'), undefined)
    assert.deepEqual(unitNames(option('rows')), [])
  })
})
