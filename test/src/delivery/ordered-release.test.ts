import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { OrderedRelease } from '../../../src/delivery/ordered-release'

describe('OrderedRelease', () => {
  it('releases nothing while the oldest slot is unfinished', () => {
    const released: string[] = []
    const order = new OrderedRelease<string>((value) => released.push(value))
    order.take('a')
    const b = order.take('b')
    order.finish(b)
    assert.deepEqual(released, [])
    assert.equal(order.size, 2)
    assert.equal(order.oldest, 'a')
  })

  it('releases the finished prefix at once', () => {
    const released: string[] = []
    const order = new OrderedRelease<string>((value) => released.push(value))
    const [a, b] = [order.take('a'), order.take('b')]
    order.take('c')
    order.finish(b)
    order.finish(a)
    assert.deepEqual(released, ['a', 'b'])
    assert.equal(order.oldest, 'c')
  })

  it('ignores a slot that is finished twice', () => {
    const released: string[] = []
    const order = new OrderedRelease<string>((value) => released.push(value))
    const a = order.take('a')
    order.finish(a)
    order.finish(a)
    assert.deepEqual(released, ['a'])
  })

  it('holds on to nothing that it has released', () => {
    const order = new OrderedRelease<string>(() => undefined)
    const slots = ['a', 'b', 'c'].map((letter) => order.take(`payload ${letter}`))
    order.finish(slots[1]!)
    order.finish(slots[0]!)
    const held = inspect(order, { depth: null }).match(/payload ./g)
    assert.deepEqual(held, ['payload c'])
  })

  it('forgets what is cleared, and continues with what comes after', () => {
    const released: string[] = []
    const order = new OrderedRelease<string>((value) => released.push(value))
    const a = order.take('a')
    assert.deepEqual(order.clear(), ['a'])
    const b = order.take('b')
    order.finish(a)
    order.finish(b)
    assert.deepEqual(released, ['b'])
  })

  it('releases every slot once and in order, whatever the order of finishing', () => {
    const anyOrder = fc
      .integer({ min: 1, max: 3000 })
      .chain((n) => fc.shuffledSubarray([...Array(n).keys()], { minLength: n, maxLength: n }))
    fc.assert(
      fc.property(anyOrder, (finishOrder) => {
        const released: number[] = []
        const order = new OrderedRelease<number>((value) => released.push(value))
        const slots = finishOrder.map((_, index) => order.take(index))
        for (const index of finishOrder) order.finish(slots[index]!)
        assert.deepEqual(
          released,
          [...released].sort((a, b) => a - b),
        )
        assert.equal(released.length, finishOrder.length)
        assert.equal(order.size, 0)
      }),
      { numRuns: 30 },
    )
  })
})
