/**
 * Random flows against a model: the tracker and its hooks are driven by a small router that does what Node-RED's
 * does, through nodes that pass on, fan out, drop, fail, hold, or never say done. Whatever they do, a delivery
 * ends as `delivered` only after a sink has confirmed it and no failure is open, never while a copy is alive, and
 * every delivery settles exactly once.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Delivery, Settlement } from '../../../src/delivery/delivery'
import { FlowHooks } from '../../../src/delivery/flow-hooks'
import { link, type Message } from '../../../src/delivery/message-link'
import { DeliveryTracker } from '../../../src/delivery/tracker'
import { PipelineError } from '../../../src/runtime/errors'
import type { CompleteEvent, ReceiveEvent, RuntimeNode, SendEvent } from '../../../src/runtime/host'

const TURN_MS = 10
const TIMEOUT_MS = 5_000

type Behaviour =
  'pass' | 'drop' | 'oneArgument' | 'noMatch' | 'fail' | 'failForGood' | 'silent' | 'sink' | 'sinkFails'

interface Plan {
  readonly behaviour: Behaviour
  readonly turns: number
  /** Indices of later nodes; one beyond the last is a node that is not there. */
  readonly wires: readonly number[]
  /** Index of a sink that gets this node's failures through a Catch node. */
  readonly caughtBy: number | undefined
}

interface SimulatedNode extends RuntimeNode {
  readonly plan: Plan
}

interface Ledger {
  confirmed: boolean
  readonly open: Set<string>
  alive: number
  settlement: Settlement | undefined
}

const threeArguments = (_message: unknown, _send: unknown, _done: unknown): void => undefined
const oneArgument = (_message: unknown): void => undefined

class Simulation {
  private readonly handlers = new Map<string, (event: never) => void>()
  private turns: (() => void)[] = []
  private later: { atMs: number; run: () => void }[] = []
  private nowMs = 0
  readonly ledger: Ledger = { confirmed: false, open: new Set(), alive: 0, settlement: undefined }
  readonly tracker: DeliveryTracker
  private readonly nodes: SimulatedNode[]

  constructor(plans: readonly Plan[]) {
    this.tracker = new DeliveryTracker({
      now: () => this.nowMs,
      nextMacrotask: (run) => this.turns.push(run),
    })
    new FlowHooks({
      tracker: this.tracker,
      hooks: {
        add: (name, handler) => this.handlers.set(name.split('.')[0]!, handler),
        remove: () => undefined,
      },
      isDeploying: () => false,
      getNode: (id) => this.nodes.find((node) => node.id === id),
      isEnabled: () => false,
      nextMacrotask: (run) => this.turns.push(run),
      after: (ms, run) => this.later.push({ atMs: this.nowMs + ms, run }),
    })
    this.nodes = plans.map((plan, index) => ({
      id: `n${index}`,
      type: plan.behaviour,
      plan,
      _inputCallback: ['oneArgument', 'noMatch'].includes(plan.behaviour) ? oneArgument : threeArguments,
    }))
  }

  emit(): Delivery {
    const delivery = this.tracker.openDelivery('d', 'source', TIMEOUT_MS, (settlement) => {
      assert.equal(this.ledger.settlement, undefined, 'settled twice')
      this.ledger.settlement = settlement
      this.check(settlement)
    })
    const message: Message = {}
    link(message, delivery)
    this.send({ id: 'source', _inputCallback: null }, message, [0])
    this.tracker.emitted(delivery)
    return delivery
  }

  /** Runs turns and timers to their end, and the sweep for stalled deliveries after that. */
  run(): void {
    for (let turn = 0; turn < 2000 && (this.turns.length > 0 || this.later.length > 0); turn++) {
      this.nowMs += TURN_MS
      for (const run of this.turns.splice(0)) run()
      const due = this.later.filter((timer) => timer.atMs <= this.nowMs)
      this.later = this.later.filter((timer) => timer.atMs > this.nowMs)
      for (const timer of due) timer.run()
    }
    this.nowMs += TIMEOUT_MS
    this.tracker.failStalled()
  }

  private check({ outcome }: Settlement): void {
    const { confirmed, open, alive } = this.ledger
    if (outcome === 'delivered') assert.ok(confirmed, 'delivered without a confirmation')
    if (outcome === 'filtered') assert.ok(!confirmed, 'filtered although a sink has it')
    if (outcome !== 'failed') {
      assert.deepEqual([...open], [], `${outcome} with an open failure`)
      assert.equal(alive, 0, `${outcome} while a copy is alive`)
    }
  }

  private trigger(name: string, event: SendEvent[] | SendEvent | ReceiveEvent | CompleteEvent): void {
    this.handlers.get(name)?.(event as never)
  }

  private send(from: RuntimeNode, message: Message, wires: readonly number[]): void {
    const events = wires.map((wire, index) => ({
      msg: index === 0 ? message : { ...message },
      source: { id: from.id, node: from },
      destination: { id: `n${wire}`, node: undefined as RuntimeNode | undefined },
    }))
    if (events.length > 0) this.trigger('onSend', events)
    events.forEach((event, index) => {
      event.destination.node = this.nodes[wires[index]!]
      if (event.destination.node === undefined) return
      this.trigger('preDeliver', event)
      this.ledger.alive++
      this.turns.push(() => this.receive(event.destination.node as SimulatedNode, event.msg, true))
    })
  }

  private receive(node: SimulatedNode, message: Message, counted: boolean): void {
    if (!counted) this.ledger.alive++
    this.trigger('onReceive', { msg: message, destination: { id: node.id, node } })
    if (node._inputCallback === oneArgument) {
      // It never says done, and what it does not send on within the grace is over: that is the rule.
      this.ledger.alive--
      if (node.plan.behaviour === 'oneArgument') this.send(node, message, node.plan.wires)
      return
    }
    const delivery = this.tracker.find(message)!
    if (node.plan.behaviour.startsWith('sink')) this.tracker.hold(delivery)
    this.later.push({
      atMs: this.nowMs + node.plan.turns * TURN_MS,
      run: () => this.act(node, message, delivery),
    })
  }

  private act(node: SimulatedNode, message: Message, delivery: Delivery): void {
    switch (node.plan.behaviour) {
      case 'pass':
        this.send(node, message, node.plan.wires)
        return this.done(node, message)
      case 'sink': {
        this.tracker.confirm(delivery, message)
        this.ledger.confirmed = true
        const carried = (message.error as { source: { id: string } } | undefined)?.source.id
        if (carried !== undefined) this.ledger.open.delete(carried)
        return this.done(node, message)
      }
      case 'sinkFails':
        this.tracker.release(delivery)
        return this.done(node, message, new PipelineError('SINK', 'no', { retryable: true }))
      case 'fail':
        return this.done(node, message, new Error('no'))
      case 'failForGood':
        return this.done(node, message, new PipelineError('NEVER', 'no', { retryable: false }))
      case 'silent':
        return
      case 'drop':
      case 'oneArgument':
      case 'noMatch':
        return this.done(node, message)
    }
  }

  private done(node: SimulatedNode, message: Message, error?: Error): void {
    this.ledger.alive--
    if (error !== undefined) this.ledger.open.add(node.id)
    this.trigger('onComplete', { msg: message, error, node: { id: node.id, node } })
    const letters = node.plan.caughtBy === undefined ? undefined : this.nodes[node.plan.caughtBy]
    if (error !== undefined && letters !== undefined) {
      this.receive(letters, { ...message, error: { message: error.message, source: { id: node.id } } }, false)
    }
  }
}

/** Flows of up to seven nodes; a wire leads to a later node, or to one that is not there. */
const flows = fc.integer({ min: 1, max: 7 }).chain((size) =>
  fc.tuple(
    ...Array.from({ length: size }, (_, index) =>
      fc.record<Plan>({
        behaviour: fc.constantFrom<Behaviour>(
          'pass',
          'pass',
          'pass',
          'drop',
          'oneArgument',
          'noMatch',
          'fail',
          'failForGood',
          'silent',
          'sink',
          'sink',
          'sinkFails',
        ),
        turns: fc.integer({ min: 0, max: 40 }),
        wires: fc.uniqueArray(fc.integer({ min: index + 1, max: size }), { maxLength: 3 }),
        caughtBy: fc.option(fc.integer({ min: index + 1, max: size }), { nil: undefined }),
      }),
    ),
  ),
)

describe('the delivery tracker in random flows', () => {
  it('keeps its promises', () => {
    const outcomes = new Map<string, number>()
    fc.assert(
      fc.property(flows, (plans) => {
        const simulation = new Simulation(plans)
        simulation.emit()
        simulation.run()
        const { settlement } = simulation.ledger
        assert.ok(settlement !== undefined, 'never settled')
        assert.equal(simulation.tracker.size, 0)
        outcomes.set(settlement.outcome, (outcomes.get(settlement.outcome) ?? 0) + 1)
      }),
      { numRuns: 3000 },
    )
    assert.deepEqual(
      [...outcomes.keys()].sort(),
      ['delivered', 'failed', 'filtered'],
      'the flows cover all outcomes',
    )
  })
})
