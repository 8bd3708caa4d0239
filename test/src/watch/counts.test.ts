import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Counts, OTHER } from '../../../src/watch/counts'
import { Distribution } from '../../../src/watch/distribution'

describe('counts by a text from outside', () => {
  it('are kept for a bounded number of texts, and together for the rest', () => {
    const counts = new Counts(2)
    for (const text of ['a', 'b', 'c', 'd', 'a']) counts.add(text)
    assert.deepEqual(
      [...counts.all],
      [
        ['a', 2],
        ['b', 1],
        [OTHER, 2],
      ],
    )
  })

  it('lose none, whatever the texts', () => {
    const property = fc.property(fc.array(fc.string({ maxLength: 2 })), (texts) => {
      const counts = new Counts(3)
      for (const text of texts) counts.add(text)
      const sum = [...counts.all.values()].reduce((total, count) => total + count, 0)
      assert.equal(sum, texts.length)
      assert.ok(counts.all.size <= 4)
    })
    fc.assert(property)
  })
})

describe('a distribution', () => {
  it('has each value up to the bound that is not below it, and all of them in the end', () => {
    const values = fc.array(fc.double({ min: 0, max: 3, noNaN: true }))
    const property = fc.property(values, (given) => {
      const distribution = new Distribution([0.5, 1, 2])
      for (const value of given) distribution.add(value)
      const upTo = (bound: number): number => given.filter((value) => value <= bound).length
      assert.deepEqual(distribution.cumulative, [upTo(0.5), upTo(1), upTo(2)])
      assert.equal(distribution.count, given.length)
    })
    fc.assert(property)
  })
})
