import assert from 'node:assert/strict'
import { BatchBudget } from '../../../../../src/kafka/group/partitions/batch-budget'

describe('BatchBudget', () => {
  const KIB = 1024

  it('lets batches in while there is room, and the others in their order when one leaves', () => {
    const budget = new BatchBudget(150 * KIB)
    const out: string[] = []
    const leave = new Map<string, () => void>()
    const ask = (name: string, bytes: number): void =>
      budget.request(() => {
        out.push(name)
        leave.set(name, budget.enter(bytes))
      })
    ask('a', 100 * KIB)
    ask('b', 100 * KIB)
    ask('c', 1)
    ask('d', 1)
    assert.deepEqual([out, budget.hasRoom], [['a', 'b'], false])
    leave.get('a')?.()
    assert.deepEqual(out, ['a', 'b', 'c', 'd'])
  })

  it('lets a batch in that is larger than the budget, alone', () => {
    const budget = new BatchBudget(10)
    let out = 0
    const ask = (): void => budget.request(() => void (budget.enter(1_000_000), out++))
    ask()
    budget.request(() => void out++)
    assert.equal(out, 1)
  })

  it('bounds the number of batches that have next to nothing in them', () => {
    const budget = new BatchBudget(1024 * KIB)
    let out = 0
    for (let i = 0; i < 1_000; i++) budget.request(() => void (budget.enter(1), out++))
    assert.equal(out, 64)
  })

  it('keeps the place of a partition that asks again, and skips one that has nothing left', () => {
    const budget = new BatchBudget(1)
    const out: string[] = []
    let leave = (): void => undefined
    budget.request(() => (leave = budget.enter(1)))
    const first = (): void => void out.push('first')
    budget.request(first)
    budget.request(() => void out.push('second'))
    budget.request(first)
    leave()
    assert.deepEqual(out, ['first', 'second'])
  })
})
