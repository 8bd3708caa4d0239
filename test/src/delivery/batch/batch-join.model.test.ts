/**
 * Random batches between a split and a join, in front of a sink by ledger: whatever the nodes in between do with each
 * record, and in whatever order, the position never moves past one that is neither stored nor dropped on purpose.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { BatchSimulation, TREATMENTS, type Step } from '../../../support/batch-simulation'

const steps = fc.array(
  fc.record<Step>({
    treatment: fc.oneof(
      { weight: 2, arbitrary: fc.constant('pass') },
      { weight: 3, arbitrary: fc.constantFrom(...TREATMENTS) },
    ),
    turns: fc.integer({ min: 0, max: 8 }),
  }),
  { minLength: 1, maxLength: 6 },
)

describe('a batch between split and join', () => {
  it('becomes rows by ledger, each record once, or what failed becomes a dead letter, or an error says so', async () => {
    const met = new Set<string>()
    const property = fc.asyncProperty(steps, async (plan) => {
      const simulation = new BatchSimulation(plan)
      await simulation.run()
      for (const [offset, { treatment }] of plan.entries()) {
        const { rows, dead, refused } = simulation.outcomes[offset]!
        const said = `${offset} ${treatment}: ${rows} rows, ${dead} dead letters, ${refused} refused`
        const copies = treatment === 'double' || treatment === 'forkFailsOnce' ? 2 : 1
        for (const [name, times] of simulation.inBatch)
          if (name.endsWith(` ${offset}`)) assert.ok(times <= copies, `${said}; in one batch ${times} times`)
        if (treatment === 'drop') assert.deepEqual([rows, dead, refused], [0, 0, 0], said)
        else if (treatment === 'die' || treatment === 'failForGood') assert.ok(rows === 0 && dead > 0, said)
        else if (treatment === 'lateOnce') assert.ok(rows <= 1 && rows + dead + refused > 0, said)
        else assert.deepEqual([rows, dead, refused], [copies, 0, 0], said)
        met.add(`${treatment} ${refused > 0 ? 'refused' : rows > 0 ? 'stored' : 'not stored'}`)
      }
    })
    await fc.assert(property, { numRuns: 1500 })
    for (const one of ['lateOnce refused', 'lateOnce stored', 'recover stored', 'rebuild stored'])
      assert.ok(met.has(one), one)
  })
})
