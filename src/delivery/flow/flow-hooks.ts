/**
 * Translates the hooks of Node-RED's router into calls of the delivery tracker.
 *
 * Non-obvious, each of these has lost messages in an experiment:
 *  - While a deploy is under way the router drops what is sent to a node that is being replaced, without any
 *    event. Such a copy counts as failed; a wire to a disabled or deleted node is an end of the flow.
 *  - Delay, Sort and Batch say done for all that they still have when a deploy closes them. Done of a node that is
 *    being taken away counts as lost, unless it is a sink that has just confirmed.
 *  - Catch, Complete and Link in get their messages past the router: only `onReceive` shows them.
 *  - A handler with one or two parameters (Switch, Filter, older nodes) never says done. Its copy ends when the
 *    node sends on, or after a grace. Switch has a queue of its own and takes one message from it in each turn of
 *    the event loop: behind a burst a message waits there for longer than any grace, so turns are counted, too. What it has
 *    sent on has ended, and its grace must not end another copy that is still in the queue.
 *  - `node.error(text, msg)` without `done(error)` has no hook: `runtime-calls.ts` sees it. It fails the message. A Link
 *    call whose time is up says that and nothing else, so this is its end of the message. A Function node that sends the
 *    message on all the same has chosen so: its failure ends when that is stored.
 *  - A Catch node gets a clone, and nothing in it tells which copy has failed; two copies may fail at one node with the
 *    same words. But every Catch node gets an error in the same stretch of code in which it is reported, once.
 */
import { asPipelineError, PipelineError } from '../../wire/errors'
import type { CompleteEvent, Hooks, ReceiveEvent, RuntimeNode, SendEvent } from '../../runtime/host'
import type { Delivery, Failure } from '../delivery'
import { isSameError } from '../failures'
import { beforeFailure, failedNodeId, linkFailure } from '../message-link'
import type { Message } from '../../wire/message'
import { RuntimeCalls } from './runtime-calls'
import type { DeliveryTracker } from '../tracker'

/** A node that never says done has finished a message when it has not sent it on for so long. */
export const ONE_ARGUMENT_GRACE_MS = 250

export const HOOK_LABEL = 'tenant-pipeline'

export interface FlowHooksOptions {
  readonly tracker: DeliveryTracker
  readonly hooks: Hooks
  /** True between `flows:stopping` and `flows:started`. */
  readonly isDeploying: () => boolean
  /** The running node of that id. */
  readonly getNode: (id: string) => unknown
  /** Whether no node of that id runs or should: the flow file has none, or it is disabled, or its tab is. */
  readonly isGone: (id: string) => boolean
  readonly nextMacrotask: (run: () => void) => void
  /** Runs a function after this many milliseconds. */
  readonly after: (ms: number, run: () => void) => void
}

interface UnfinishedCopy {
  readonly delivery: Delivery
  readonly node: RuntimeNode
  /** The turn of the event loop in which the node has certainly come to it. */
  readonly doneInTurn: number
  /** The node has sent it on, or has had its time. */
  hasEnded: boolean
}

/** An error that is on its way to the Catch nodes. */
interface Report {
  readonly delivery: Delivery
  readonly failure: Failure
  /** Catch nodes that have it. */
  readonly caughtBy: Set<RuntimeNode>
}

/** Turns more than a queue needs, because ours and the node's are not in step. */
const SPARE_TURNS = 2

export class FlowHooks {
  private routing: { readonly event: SendEvent; readonly inDeploy: boolean }[] = []
  private received: UnfinishedCopy[] = []
  private ageing: UnfinishedCopy[] = []
  /** Turns of the event loop, counted only while a node needs them. */
  private turn = 0
  private neededTurn = 0
  private readonly unfinished = new WeakMap<Message, UnfinishedCopy>()
  private readonly queueEnds = new WeakMap<RuntimeNode, number>()
  private report: Report | undefined
  /** By the message: a node tells of one error in two ways, by `done` and by `node.error`. */
  private readonly noted = new WeakMap<Message, Failure>()
  /** What was counted before the hooks of other packages. */
  private readonly sentBefore = new WeakSet<SendEvent[]>()
  private readonly receivedBefore = new WeakMap<Message, RuntimeNode>()
  private readonly calls: RuntimeCalls

  constructor(private readonly options: FlowHooksOptions) {
    const { hooks } = options
    this.calls = new RuntimeCalls({
      hooks,
      onError: (event) => this.onError(event),
      onSend: (events) => {
        this.sentBefore.add(events)
        this.countSent(events)
      },
      onReceive: (event) => {
        this.receivedBefore.set(event.msg, event.destination.node)
        this.countReceived(event)
      },
    })
    hooks.add(`onSend.${HOOK_LABEL}`, (events: SendEvent[]) => this.onSend(events))
    hooks.add(`preDeliver.${HOOK_LABEL}`, (event: SendEvent) => this.preDeliver(event))
    hooks.add(`onReceive.${HOOK_LABEL}`, (event: ReceiveEvent) => this.onReceive(event))
    hooks.add(`onComplete.${HOOK_LABEL}`, (event: CompleteEvent) => this.onComplete(event))
  }

  remove(): void {
    this.options.hooks.remove(`*.${HOOK_LABEL}`)
    this.calls.stop()
  }

  private onSend(events: SendEvent[]): void {
    const sender = events[0]?.source.node
    if (sender !== undefined) this.calls.watch(sender)
    if (!this.calls.comesFirst.onSend || !this.sentBefore.delete(events)) this.countSent(events)
  }

  private countSent(events: SendEvent[]): void {
    const { tracker, isDeploying } = this.options
    let sender: RuntimeNode | undefined
    for (const event of events) {
      const delivery = tracker.find(event.msg)
      if (delivery === undefined) continue
      tracker.copySent(delivery)
      if (this.routing.length === 0) this.options.nextMacrotask(() => this.findUnroutable())
      this.routing.push({ event, inDeploy: isDeploying() })
      if (neverSaysDone(event.source.node) && event.source.node !== sender) {
        sender = event.source.node
        this.endSentOn(delivery, sender, event.msg)
      }
    }
  }

  private preDeliver(event: SendEvent): void {
    const delivery = this.options.tracker.find(event.msg)
    if (delivery !== undefined && event.destination.node) {
      this.options.tracker.copyPlaced(delivery, event.destination.node)
    }
  }

  private onReceive(event: ReceiveEvent): void {
    const { receivedBefore, calls } = this
    if (!calls.comesFirst.onReceive || receivedBefore.get(event.msg) !== event.destination.node) {
      this.countReceived(event)
    } else {
      receivedBefore.delete(event.msg)
    }
  }

  private countReceived(event: ReceiveEvent): void {
    const { tracker } = this.options
    const { node } = event.destination
    const delivery = tracker.find(event.msg)
    if (delivery === undefined) return
    tracker.copyReceived(delivery, node)
    if (neverSaysDone(node)) this.endAfterGrace(delivery, node, event.msg)
    else if (node.type === 'catch') this.noteCaughtFailure(delivery, event)
  }

  private onComplete(event: CompleteEvent): void {
    const { tracker } = this.options
    const delivery = tracker.find(event.msg)
    if (delivery === undefined) return
    if (event.error) {
      this.noteFailure(delivery, event.node.id, asPipelineError(event.error), event.msg)
      tracker.copyEnded(delivery, event.node.node)
    } else {
      this.endCopy(delivery, event.node.node)
    }
  }

  /** `node.error` with a message; also after `done(error)`, which the runtime hands on to it. */
  private onError({ msg, error, node: { id, node } }: CompleteEvent): void {
    const { tracker } = this.options
    const delivery = tracker.find(msg)
    if (delivery === undefined) return
    const before = this.noted.get(msg)
    const { failure } = this.noteFailure(delivery, id, asPipelineError(error), msg)
    if (failure === before) return
    if (node.type === 'function') tryToLink(msg, failure)
    else if (node.type === 'link call') tracker.copyEnded(delivery, node)
  }

  private endCopy(delivery: Delivery, node: RuntimeNode): void {
    const { tracker, isDeploying, getNode } = this.options
    const isLost = !delivery.justConfirmed && isDeploying() && getNode(node.id) !== node
    if (isLost) tracker.copyLost(delivery, node)
    else tracker.copyEnded(delivery, node)
  }

  private noteFailure(delivery: Delivery, nodeId: string, error: PipelineError, copy: Message): Report {
    const before = this.noted.get(copy)
    const isKnown = before?.nodeId === nodeId && isSameError(before.error, error)
    const failure = isKnown ? before : this.options.tracker.openFailure(delivery, nodeId, error, copy)
    this.noted.set(copy, failure)
    const report = { delivery, failure, caughtBy: new Set<RuntimeNode>() }
    this.report = report
    queueMicrotask(() => {
      if (this.report === report) this.report = undefined
    })
    return report
  }

  /**
   * Ties the message of a Catch node to the failure of its copy. `node.error(text, msg)` fails a message as
   * `done(error)` does, but only the Catch node shows it.
   */
  private noteCaughtFailure(delivery: Delivery, { msg, destination }: ReceiveEvent): void {
    const { tracker, getNode } = this.options
    const nodeId = failedNodeId(msg)
    if (nodeId === undefined) return
    let { report } = this
    const isKnown =
      report?.delivery === delivery &&
      report.failure.nodeId === nodeId &&
      !report.caughtBy.has(destination.node)
    if (report === undefined || !isKnown) {
      const { message } = msg.error as { message?: unknown }
      const error = asPipelineError(new Error(String(message)))
      report = this.noteFailure(delivery, nodeId, error, beforeFailure(msg))
      const reporter = getNode(nodeId) as RuntimeNode | null | undefined
      if (reporter?.type === 'link call') tracker.copyEnded(delivery, reporter)
    }
    report.caughtBy.add(destination.node)
    linkFailure(msg, report.failure)
  }

  /** What was sent in the last turn and has no destination: the node is gone, switched off, or being replaced. */
  private findUnroutable(): void {
    const { tracker, isDeploying, getNode, isGone } = this.options
    for (const { event, inDeploy } of this.routing.splice(0)) {
      if (event.destination.node) continue
      const { id } = event.destination
      const delivery = tracker.find(event.msg)
      if (delivery === undefined) continue
      if (!inDeploy && !isDeploying() && isGone(id)) tracker.copyUnroutable(delivery, id, undefined)
      // A node that is there all the same: another package's hook has stopped the message, and the timeout ends it.
      else if (inDeploy || !getNode(id)) tracker.copyUnroutable(delivery, id, routedToNobody(id))
    }
  }

  /**
   * Ends a copy one to two graces from now, or when the node has had a turn for it and for all that came before.
   * All graces are the same, so two lists and one timer serve them, instead of a timer for each message.
   */
  private endAfterGrace(delivery: Delivery, node: RuntimeNode, message: Message): void {
    if (this.received.length === 0 && this.ageing.length === 0) this.startGraceTimer()
    const queueEnd = Math.max(this.turn, this.queueEnds.get(node) ?? 0) + 1
    this.queueEnds.set(node, queueEnd)
    const doneInTurn = queueEnd + SPARE_TURNS
    const copy: UnfinishedCopy = { delivery, node, doneInTurn, hasEnded: false }
    this.received.push(copy)
    this.unfinished.set(message, copy)
    this.countTurnsTo(doneInTurn)
  }

  /** A node that never says done has sent something on. A message that it creates does not say which one it comes from. */
  private endSentOn(delivery: Delivery, node: RuntimeNode, message: Message): void {
    const copy = this.unfinished.get(message)
    if (copy?.node === node) {
      if (copy.hasEnded) return
      copy.hasEnded = true
    }
    this.options.tracker.copyEnded(delivery, node)
  }

  private startGraceTimer(): void {
    this.options.after(ONE_ARGUMENT_GRACE_MS, () => {
      const unfinished: UnfinishedCopy[] = []
      for (const copy of this.ageing) {
        if (copy.hasEnded) continue
        if (copy.doneInTurn > this.turn) {
          unfinished.push(copy)
          continue
        }
        copy.hasEnded = true
        this.endCopy(copy.delivery, copy.node)
      }
      this.ageing = unfinished.concat(this.received)
      this.received = []
      if (this.ageing.length > 0) this.startGraceTimer()
    })
  }

  private countTurnsTo(turn: number): void {
    const isCounting = this.turn < this.neededTurn
    this.neededTurn = Math.max(this.neededTurn, turn)
    if (!isCounting) this.options.nextMacrotask(() => this.countTurn())
  }

  private countTurn(): void {
    this.turn++
    if (this.turn < this.neededTurn) this.options.nextMacrotask(() => this.countTurn())
  }
}

function neverSaysDone(node: RuntimeNode): boolean {
  return node._inputCallback !== undefined && node._inputCallback !== null && node._inputCallback.length < 3
}

/** A sink that stores this message has stored what failed. */
function tryToLink(message: Message, failure: Failure): void {
  try {
    linkFailure(message, failure)
  } catch {
    // The Function node has frozen it. Then a Catch node's copy alone carries the failure.
  }
}

function routedToNobody(nodeId: string): PipelineError {
  return new PipelineError(
    'FLOW_CHANGED',
    `node ${nodeId} is being deployed and could not take the message`,
    {
      retryable: true,
    },
  )
}
