/**
 * A small router that does to a delivery what Node-RED's does, through nodes that pass on, fan out, drop, fail,
 * call, hold, or never say done, and with a deploy in the middle. It keeps a ledger of what really happened to the
 * copies, and compares each settlement with it. For the model test of the tracker.
 */
import assert from 'node:assert/strict'
import type { Delivery, Settlement } from '../../src/delivery/delivery'
import { FlowHooks } from '../../src/delivery/flow/flow-hooks'
import { link } from '../../src/delivery/message-link'
import { storeMessage } from '../../src/delivery/sinks/sink-message'
import { DeliveryTracker } from '../../src/delivery/tracker'
import { PipelineError } from '../../src/wire/errors'
import type { CompleteEvent, ReceiveEvent, RuntimeNode, SendEvent } from '../../src/runtime/host'
import type { Message, MessageError } from '../../src/wire/message'

const TURN_MS = 10
const TIMEOUT_MS = 5_000
const MAX_TURNS = 2000

export const BEHAVIOURS = [
  'pass',
  'drop',
  'everyOther',
  'oneArgument',
  'noMatch',
  'fail',
  'failForGood',
  'report',
  'call',
  'callTimesOut',
  'silent',
  'sink',
  'sinkFails',
  'rejects',
  'rejectsAndLetsGo',
] as const
export type Behaviour = (typeof BEHAVIOURS)[number]

export interface Plan {
  readonly behaviour: Behaviour
  readonly turns: number
  /** Indices of later nodes; one beyond the last is a node that is not there. */
  readonly wires: readonly number[]
  /** Indices of the nodes that get this node's failures, each through a Catch node of its own. */
  readonly caughtBy: readonly number[]
  /** What a deploy does to it. A node that is taken away says done for what it has, or says nothing. */
  readonly deploy: 'leaves' | 'replaces' | 'removes'
  readonly saysDoneWhenClosed: boolean
}

/** The turns in which a deploy begins and ends. */
export interface Deploy {
  readonly begins: number
  readonly lasts: number
}

interface Held {
  readonly message: Message
  gone: boolean
}

interface SimulatedNode extends RuntimeNode {
  readonly plan: Plan
  readonly held: Set<Held>
  closed: boolean
  /** Copies that have reached it. */
  seen: number
}

/** The outcome of one copy at one node. */
interface FailedCopy {
  readonly nodeId: string
  /** What the copy had failed with before, at another node. */
  readonly before: FailedCopy | undefined
}

interface Ledger {
  confirmed: boolean
  /** Copies whose failure no sink has stored. */
  readonly open: Set<FailedCopy>
  alive: number
  /** A deploy has lost a copy. */
  lost: boolean
  settlement: Settlement | undefined
}

const threeArguments = (_message: unknown, _send: unknown, _done: unknown): void => undefined
const oneArgument = (_message: unknown): void => undefined
const ONE_ARGUMENT: readonly Behaviour[] = ['oneArgument', 'noMatch']
const CALLS: readonly Behaviour[] = ['call', 'callTimesOut']

export class FlowSimulation {
  readonly ledger: Ledger = {
    confirmed: false,
    open: new Set(),
    alive: 0,
    lost: false,
    settlement: undefined,
  }
  readonly tracker: DeliveryTracker
  private readonly handlers = new Map<string, (event: never) => void>()
  private turns: (() => void)[] = []
  private later: { atMs: number; run: () => void }[] = []
  private nowMs = 0
  private deploying = false
  private nodes: (SimulatedNode | undefined)[]
  private readonly catchNodes = new Map<string, RuntimeNode>()

  constructor(
    private readonly plans: readonly Plan[],
    private readonly deploy: Deploy | undefined,
  ) {
    const nextMacrotask = (run: () => void): void => void this.turns.push(run)
    this.tracker = new DeliveryTracker({ now: () => this.nowMs, nextMacrotask })
    new FlowHooks({
      tracker: this.tracker,
      hooks: {
        add: (name, handler) => this.handlers.set(name.split('.')[0]!, handler),
        remove: () => undefined,
        has: () => false,
      },
      isDeploying: () => this.deploying,
      getNode: (id) => this.nodes.find((node) => node?.id === id),
      isGone: (id) => this.nodes.every((node) => node?.id !== id),
      nextMacrotask,
      after: (ms, run) => this.later.push({ atMs: this.nowMs + ms, run }),
    })
    this.nodes = plans.map(startNode)
  }

  emit(): void {
    const delivery = this.tracker.openDelivery('d', 'source', TIMEOUT_MS, (settlement) => {
      assert.equal(this.ledger.settlement, undefined, 'settled twice')
      this.ledger.settlement = settlement
      this.check(settlement)
    })
    const message: Message = {}
    link(message, delivery)
    this.send({ id: 'source', _inputCallback: null }, message, [0])
    this.tracker.emitted(delivery)
  }

  /** Runs turns and timers to their end, and the sweep for stalled deliveries after that. */
  run(): void {
    const deployEnds = this.deploy === undefined ? 0 : this.deploy.begins + this.deploy.lasts
    const busy = (turn: number): boolean =>
      this.turns.length > 0 || this.later.length > 0 || turn <= deployEnds
    for (let turn = 0; turn < MAX_TURNS && busy(turn); turn++) {
      this.nowMs += TURN_MS
      if (this.deploy !== undefined && turn === this.deploy.begins) this.beginDeploy()
      for (const run of this.turns.splice(0)) run()
      const due = this.later.filter((timer) => timer.atMs <= this.nowMs)
      this.later = this.later.filter((timer) => timer.atMs > this.nowMs)
      for (const timer of due) timer.run()
      if (this.deploy !== undefined && turn === deployEnds) this.endDeploy()
    }
    this.nowMs += TIMEOUT_MS
    this.tracker.failStalled()
  }

  private check({ outcome }: Settlement): void {
    const { confirmed, open, alive, lost } = this.ledger
    if (outcome === 'delivered') assert.ok(confirmed, 'delivered without a confirmation')
    if (outcome === 'filtered') assert.ok(!confirmed, 'filtered although a sink has it')
    if (outcome === 'failed') {
      const hasReason = open.size > 0 || alive > 0 || lost || this.deploy !== undefined
      assert.ok(hasReason, 'failed although nothing went wrong')
    } else {
      assert.deepEqual([...open], [], `${outcome} with an open failure`)
      assert.equal(alive, 0, `${outcome} while a copy is alive`)
      assert.equal(lost, false, `${outcome} although a deploy has lost a copy`)
    }
  }

  // ---- a deploy ------------------------------------------------------------------------------------------

  private beginDeploy(): void {
    this.deploying = true
    const stopped = this.nodes.filter((node) => node !== undefined && node.plan.deploy !== 'leaves')
    this.nodes = this.nodes.map((node) => (node?.plan.deploy === 'leaves' ? node : undefined))
    for (const node of stopped) if (node !== undefined) this.close(node)
  }

  private close(node: SimulatedNode): void {
    node.closed = true
    // A sink of ours stores what it holds while it closes.
    if (node.plan.behaviour.startsWith('sink')) return
    for (const held of node.held) {
      held.gone = true
      this.ledger.lost = true
      if (node.plan.saysDoneWhenClosed) this.done(node, held.message)
    }
  }

  private endDeploy(): void {
    this.nodes = this.nodes.map((node, index) => {
      const plan = this.plans[index]!
      return node === undefined && plan.deploy === 'replaces' ? startNode(plan, index) : node
    })
    this.deploying = false
    this.tracker.failLostCopies((node) => this.nodes.some((running) => running === node))
  }

  // ---- the router ----------------------------------------------------------------------------------------

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
      const wire = wires[index]!
      const node = this.nodes[wire]
      event.destination.node = node
      if (node === undefined) {
        if (this.deploying && this.plans[wire] !== undefined) this.ledger.lost = true
        return
      }
      this.trigger('preDeliver', event)
      this.ledger.alive++
      this.turns.push(() => this.receive(node, event.msg))
    })
  }

  /** A message arrives that was counted as alive before. */
  private receive(node: SimulatedNode, message: Message): void {
    if (node.closed) {
      this.ledger.lost = true
      return
    }
    this.trigger('onReceive', { msg: message, destination: { id: node.id, node } })
    const { behaviour, wires, turns } = node.plan
    if (node._inputCallback === oneArgument) {
      // It never says done, and what it does not send on within the grace is over: that is the rule.
      this.ledger.alive--
      if (behaviour === 'oneArgument') this.send(node, message, wires)
      return
    }
    const delivery = this.tracker.find(message)!
    if (behaviour.startsWith('sink')) this.tracker.hold(delivery)
    const held: Held = { message, gone: false }
    node.held.add(held)
    // A Link call hands the message over past the router.
    const called = CALLS.includes(behaviour) ? this.nodes[wires[0] ?? -1] : undefined
    if (called !== undefined) this.receivePastRouter(called, { ...message })
    this.later.push({
      atMs: this.nowMs + turns * TURN_MS,
      run: () => {
        node.held.delete(held)
        if (!held.gone) this.act(node, message, delivery)
      },
    })
  }

  private receivePastRouter(node: SimulatedNode, message: Message): void {
    if (node.closed) return
    this.ledger.alive++
    this.receive(node, message)
  }

  // ---- what nodes do -------------------------------------------------------------------------------------

  private act(node: SimulatedNode, message: Message, delivery: Delivery): void {
    const { behaviour, wires } = node.plan
    switch (behaviour) {
      case 'pass':
        this.send(node, message, wires)
        return this.done(node, message)
      case 'call':
        this.send(node, message, wires.slice(1))
        return this.done(node, message)
      case 'callTimesOut':
        // Without a Catch node no node hears of it: the copy stays until the timeout of the delivery.
        if (node.plan.caughtBy.length === 0) return
        this.ledger.alive--
        return this.tellCatchNodes(node, message, new Error('timeout'), this.openFailure(node, message))
      case 'sink': {
        this.tracker.confirm(delivery, message)
        this.ledger.confirmed = true
        this.closeFailures(message)
        return this.done(node, message)
      }
      case 'rejects':
      case 'rejectsAndLetsGo':
        return this.reject(node, message, behaviour === 'rejectsAndLetsGo')
      case 'sinkFails':
        this.tracker.release(delivery)
        return this.done(node, message, new PipelineError('SINK', 'no', { retryable: true }))
      case 'fail':
        return this.done(node, message, new Error('no'))
      case 'failForGood':
        return this.done(node, message, new PipelineError('NEVER', 'no', { retryable: false }))
      case 'report':
        // `node.error(text, msg)`, which only a Catch node shows.
        if (node.plan.caughtBy.length > 0)
          this.tellCatchNodes(node, message, new Error('no'), this.openFailure(node, message))
        return this.done(node, message)
      case 'everyOther':
        if (node.seen++ % 2 === 0) this.send(node, message, wires)
        return this.done(node, message)
      case 'silent':
        return
      case 'drop':
      case 'oneArgument':
      case 'noMatch':
        return this.done(node, message)
    }
  }

  /** A sink of ours that can never store it, with an error output; the code is that of the real one. */
  private reject(node: SimulatedNode, message: Message, mayEnd: boolean): void {
    const { wires } = node.plan
    const describe = (): MessageError => {
      const failure = mayEnd ? undefined : this.openFailure(node, message)
      if (mayEnd) this.closeFailures(message)
      return { message: 'never', source: { id: node.id, type: 'sink' }, failure } as MessageError
    }
    storeMessage(
      message,
      {
        tracker: this.tracker,
        nodeId: node.id,
        mayEnd,
        isWired: () => wires.length > 0,
        describe,
        onLate: () => undefined,
        onRejected: () => undefined,
      },
      (_record, completion) => completion.failed(new PipelineError('NEVER', 'no', { retryable: false })),
      (rejected) => this.send(node, rejected, wires),
      (error) => this.done(node, message, error),
    )
  }

  private closeFailures(message: Message): void {
    for (let each = carriedBy(message); each !== undefined; each = each.before) this.ledger.open.delete(each)
  }

  private done(node: SimulatedNode, message: Message, error?: Error): void {
    this.ledger.alive--
    const failure = error === undefined ? undefined : this.openFailure(node, message)
    this.trigger('onComplete', { msg: message, error, node: { id: node.id, node } })
    if (error !== undefined && failure !== undefined) this.tellCatchNodes(node, message, error, failure)
  }

  /** A copy that fails again at the node whose failure it carries has one failure, as before. */
  private openFailure(node: SimulatedNode, message: Message): FailedCopy {
    const carried = carriedBy(message)
    const again = carried?.nodeId === node.id ? carried : undefined
    const failure = { nodeId: node.id, before: again === undefined ? carried : again.before }
    if (again !== undefined) this.ledger.open.delete(again)
    this.ledger.open.add(failure)
    return failure
  }

  /** The failure of a copy, as Catch nodes get it: a clone for each, past the router, and then by its wire. */
  private tellCatchNodes(node: SimulatedNode, message: Message, error: Error, failure: FailedCopy): void {
    for (const [index, wire] of node.plan.caughtBy.entries()) {
      const told = { message: error.message, source: { id: node.id }, failure }
      const caught: Message = { ...message, _error: message.error, error: told }
      const catcher = this.catchNode(`catch-${node.id}-${index}`)
      this.ledger.alive++
      this.trigger('onReceive', { msg: caught, destination: { id: catcher.id, node: catcher } })
      this.send(catcher, caught, [wire])
      this.ledger.alive--
      this.trigger('onComplete', { msg: caught, error: undefined, node: { id: catcher.id, node: catcher } })
    }
  }

  private catchNode(id: string): RuntimeNode {
    const known = this.catchNodes.get(id)
    if (known !== undefined) return known
    const catcher: RuntimeNode = { id, type: 'catch', _inputCallback: threeArguments }
    this.catchNodes.set(id, catcher)
    return catcher
  }
}

/** The failure that the copy really carries, whatever the tracker concludes. */
function carriedBy(message: Message): FailedCopy | undefined {
  return (message.error as { failure: FailedCopy } | undefined)?.failure
}

function startNode(plan: Plan, index: number): SimulatedNode {
  return {
    id: `n${index}`,
    type: CALLS.includes(plan.behaviour) ? 'link call' : plan.behaviour,
    plan,
    held: new Set(),
    closed: false,
    seen: 0,
    _inputCallback: ONE_ARGUMENT.includes(plan.behaviour) ? oneArgument : threeArguments,
  }
}
