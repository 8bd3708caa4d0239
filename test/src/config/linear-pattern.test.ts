import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compileLinear } from '../../../src/config/linear-pattern'
import { NAUGHTY } from '../../poison/naughty-strings'

/** Each takes JavaScript's own engine longer than anyone waits, on the name below. */
const CATASTROPHES = [
  '(a+)+',
  '((a+))+',
  '(a|aa)+',
  '(a|a)*',
  '(a*)*b',
  '([a-z]+)*-',
  '(.*.*)*=',
  '(\\w+\\s?)*!',
]
const LONGEST_NAME = `${'a'.repeat(248)}%`

describe('a linear pattern', () => {
  for (const expression of CATASTROPHES) {
    it(`answers for ${expression}, whatever a device is called`, () => {
      assert.equal(compileLinear(expression).matchesWhole(LONGEST_NAME), false)
    })
  }

  it('answers for any nesting of choices and repetitions', () => {
    const { expression } = fc.letrec<{ expression: string }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('a', '[a-z]', '\\w', '.'),
        tie('expression').map((inner) => `(${inner})+`),
        tie('expression').map((inner) => `(?:${inner})*`),
        fc.tuple(tie('expression'), tie('expression')).map(([one, other]) => `(${one}|${other})`),
        fc.tuple(tie('expression'), tie('expression')).map(([one, other]) => one + other),
      ),
    }))
    fc.assert(
      fc.property(expression, (source) => {
        assert.equal(compileLinear(`${source}#`).matchesWhole(LONGEST_NAME), false)
      }),
    )
  })

  it("gives JavaScript's answers for the expressions that people write", () => {
    // What "." is not: JavaScript leaves out "\r" as well, which no name in a topic of Kafka has.
    const naughty = NAUGHTY.filter((name) => !name.includes('\r'))
    const names = ['acme', 'Acme-1', 'a.b', 'plant_7', 'north', 'northern', 'x'.repeat(65), 'ünï', ...naughty]
    for (const source of [
      '[A-Za-z0-9_-]{1,64}',
      'north|south',
      '[a-z]+(-[0-9])*',
      '.*',
      '\\d+',
      '[^.]{1,249}',
      'plant_\\d{1,3}',
      '\\p{L}+',
      '(?:acme|umbrella)\\.[a-z]+',
      '\\u0061.*',
    ]) {
      const own = new RegExp(`^(?:${source})$`, 'u')
      const pattern = compileLinear(source)
      for (const name of names) {
        assert.equal(pattern.matchesWhole(name), own.test(name), `${source} for ${JSON.stringify(name)}`)
      }
    }
  })

  it('respects case, unless told otherwise', () => {
    assert.equal(compileLinear('^iot').test('IOT-1'), false)
    assert.equal(compileLinear('^iot', { ignoreCase: true }).test('IOT-1'), true)
  })
})
