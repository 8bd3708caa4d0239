import assert from 'node:assert/strict'
import fc from 'fast-check'
import { DecimalSums } from '../../../../src/postgres/rollup/decimal-sums'

function sumsOf(values: readonly number[]): DecimalSums {
  const sums = new DecimalSums()
  for (const value of values) sums.add(value)
  return sums
}

/** The decimal of a number, in units of the last of these places, by its text alone. */
function unitsOf(value: number, places: number): bigint {
  const [mantissa = '', exponent = '0'] = String(value).split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  return BigInt(whole + fraction) * 10n ** BigInt(places - fraction.length + Number(exponent))
}

function unitsOfText(text: string, places: number): bigint {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(places, '0'))
}

const PLACES = 400
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e30, max: 1e30 }),
  fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }).map((n) => n / 100),
  fc.integer().map((n) => n / 1000),
  fc.constantFrom(0, -0, 0.1, 1e-7, 2 ** 53, -(2 ** 50), 1e21, 123456789.125),
)

describe('exact sums', () => {
  it('are the sums of the decimals that the numbers are written as, and of their squares', () => {
    fc.assert(
      fc.property(fc.array(number, { maxLength: 60 }), (values) => {
        const units = values.map((value) => unitsOf(value, PLACES))
        const sums = sumsOf(values)
        assert.equal(
          unitsOfText(sums.sumText, PLACES),
          units.reduce((sum, one) => sum + one, 0n),
        )
        assert.equal(
          unitsOfText(sums.squaresText, 2 * PLACES),
          units.reduce((sum, one) => sum + one * one, 0n),
        )
      }),
    )
  })

  it('of two parts, joined, are those of the whole', () => {
    fc.assert(
      fc.property(fc.array(number), fc.array(number), (some, others) => {
        const joined = sumsOf(some)
        joined.merge(sumsOf(others))
        const whole = sumsOf([...some, ...others])
        assert.equal(unitsOfText(joined.sumText, PLACES), unitsOfText(whole.sumText, PLACES))
        assert.equal(unitsOfText(joined.squaresText, 2 * PLACES), unitsOfText(whole.squaresText, 2 * PLACES))
      }),
    )
  })

  it('stay exact where floating-point addition does not', () => {
    assert.equal(sumsOf([0.1, 0.2]).sumText, '0.3')
    assert.equal(sumsOf([1e16, 1, -1e16]).sumText, '1')
    assert.equal(sumsOf(Array.from({ length: 1000 }, () => 9007199254740991)).sumText, '9007199254740991000')
    assert.equal(sumsOf([-0.05]).sumText, '-0.05')
    assert.equal(sumsOf([]).sumText, '0')
  })
})
