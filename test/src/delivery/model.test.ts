/**
 * Random flows against a model: whatever their nodes do, and whatever a deploy takes away, a delivery ends as
 * `delivered` only after a sink has confirmed it and no failure is open, never while a copy is alive or when one was
 * lost, and every delivery settles exactly once.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  BEHAVIOURS,
  FlowSimulation,
  type Behaviour,
  type Deploy,
  type Plan,
} from '../../support/flow-simulation'

/** Flows of this many nodes; a wire leads to a later node, or to one that is not there. */
const flowsOf = (size: number): fc.Arbitrary<Plan[]> =>
  fc.tuple(
    ...Array.from({ length: size }, (_, index) =>
      fc.record<Plan>({
        behaviour: fc.oneof(
          { weight: 3, arbitrary: fc.constantFrom('pass', 'sink') },
          { weight: 4, arbitrary: fc.constantFrom(...BEHAVIOURS) },
        ),
        turns: fc.integer({ min: 0, max: 40 }),
        wires: fc.uniqueArray(fc.integer({ min: index + 1, max: size }), { maxLength: 3 }),
        caughtBy: fc.uniqueArray(fc.integer({ min: index + 1, max: size }), { maxLength: 2 }),
        deploy: fc.constantFrom('leaves', 'leaves', 'replaces', 'removes'),
        saysDoneWhenClosed: fc.boolean(),
      }),
    ),
  )
const flows = fc.integer({ min: 1, max: 8 }).chain(flowsOf)
/** Two copies come to a node that fails; of what its Catch nodes get, some is stored and some is not. */
const forks = fc
  .tuple(
    flowsOf(8),
    fc.constantFrom<Behaviour>('fail', 'failForGood', 'report', 'callTimesOut', 'sinkFails', 'rejects'),
  )
  .map(([plans, behaviour]) =>
    plans.map((plan, index): Plan => {
      if (index === 0) return { ...plan, behaviour: 'pass', wires: [1, 2] }
      if (index < 3) return { ...plan, behaviour: 'pass', wires: [3] }
      if (index === 3) return { ...plan, behaviour, wires: [] }
      return index === 4 ? { ...plan, behaviour: 'everyOther', wires: [5] } : plan
    }),
  )
const deploys = fc.record<Deploy>({
  begins: fc.integer({ min: 0, max: 60 }),
  lasts: fc.integer({ min: 0, max: 60 }),
})

describe('the delivery tracker in random flows', () => {
  for (const [when, plans, deploy] of [
    ['', flows, fc.constant(undefined)],
    [' with a deploy in the middle', flows, deploys],
    [' when several copies fail at one node', forks, fc.constant(undefined)],
  ] as const) {
    it(`keeps its promises${when}`, () => {
      const outcomes = new Set<string>()
      fc.assert(
        fc.property(plans, deploy, (flow, during) => {
          const simulation = new FlowSimulation(flow, during)
          simulation.emit()
          simulation.run()
          const { settlement } = simulation.ledger
          assert.ok(settlement !== undefined, 'never settled')
          assert.equal(simulation.tracker.size, 0)
          outcomes.add(settlement.outcome)
        }),
        { numRuns: 5000 },
      )
      assert.deepEqual(
        [...outcomes].sort(),
        ['delivered', 'failed', 'filtered'],
        'the flows cover all outcomes',
      )
    })
  }
})
