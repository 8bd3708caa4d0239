/**
 * Follows every delivery through the flow and settles it when nothing of it is left on the way.
 *
 * The rules (a copy is born when it is sent to a node, and ends when that node says it is done):
 *
 *  - A sink of this package *confirms* when the record is durable, and only then calls `done()`.
 *  - No copy alive, a sink confirmed, no failure open           → `delivered`
 *  - No copy alive, no sink confirmed, nothing failed            → `filtered`: the flow ended it on purpose
 *  - A failure is open                                          → `failed`
 *  - A failure is closed only by a sink that confirms a copy carrying it (`linkFailure`): a dead
 *    letter after a Catch node does that, Catch → Debug does not. Two copies that fail at one node are two failures.
 *  - Copies that wait for the others (`park`) are alive. When no other is, they are no longer kept waiting.
 *  - No sink holds it and it has not moved for `timeoutMs`      → `failed`, transient.
 *
 *  - No copy was ever sent: a hook of another package has kept it, and the timeout ends it.
 *
 * Longer than most files here: these rules hold only together.
 *
 * "No copy alive" is looked at one macrotask later, because a Catch node gets its message after the failure.
 * Nothing here knows Node-RED; `flow-hooks.ts` translates the runtime's hooks into the calls below.
 */
import { asPipelineError, PipelineError } from '../wire/errors'
import type { FlowNode } from '../runtime/host'
import { Delivery, type Failure, type Gathering, type OnSettled, type Place } from './delivery'
import { carriedFailure, closeFailure, isSameError, settlementOf } from './failures'
import { addGathering, completeGatherings, dropGatherings } from './gatherings'
import { headOf } from './batch/batch-head'
import { link, linkedDelivery } from './message-link'
import type { Message } from '../wire/message'
import { numberOfSplit, numberRecords, partOf } from './record-number'

export interface TrackerOptions {
  /** Milliseconds, monotonic. */
  readonly now: () => number
  /** Runs a function in the next macrotask. */
  readonly nextMacrotask: (run: () => void) => void
}

export interface Emission {
  /** The `_msgid` of every copy. */
  readonly id: string
  /** Of the node that emits it. */
  readonly nodeId: string
  /** In which some node has to move it, unless a sink holds it. */
  readonly timeoutMs: number
  readonly compose: () => Message
  readonly send: (message: Message) => void
  readonly onSettled: OnSettled
}

export class DeliveryTracker {
  private readonly open = new Map<string, Delivery>()
  private readonly toCheck: Delivery[] = []

  constructor(private readonly options: TrackerOptions) {}

  /** Deliveries that are not settled. */
  get size(): number {
    return this.open.size
  }

  /** Open deliveries in the order of their emission. */
  deliveries(): IterableIterator<Delivery> {
    return this.open.values()
  }

  /**
   * Sends a message into the flow, as a delivery of its own. Whatever throws on the way fails the delivery.
   * @throws when the id is in use
   */
  emit({ id, nodeId, timeoutMs, compose, send, onSettled }: Emission): void {
    const delivery = this.openDelivery(id, nodeId, timeoutMs, onSettled)
    try {
      const message = compose()
      link(message, delivery)
      delivery.size = numberRecords(message)
      if (delivery.size > 0) delivery.head = headOf(message)
      send(message)
    } catch (thrown) {
      this.openFailure(delivery, nodeId, asPipelineError(thrown))
    }
    this.emitted(delivery)
  }

  /**
   * Opens a delivery. The source links it to the message, sends the message, and then calls `emitted`.
   * @throws when the id is in use
   */
  openDelivery(id: string, sourceId: string, timeoutMs: number, onSettled: OnSettled): Delivery {
    if (this.open.has(id)) throw new Error(`delivery ${id} is open already`)
    const delivery = new Delivery(id, sourceId, timeoutMs, this.options.now(), onSettled)
    this.open.set(id, delivery)
    return delivery
  }

  /** The source has called `send`: from now on the delivery can settle, even if nothing took the message. */
  emitted(delivery: Delivery): void {
    if (delivery.alive === 0 && hasEnd(delivery)) this.scheduleCheck(delivery)
  }

  /** The delivery of a message, also one that is settled already; `undefined` for a message of another source. */
  find(message: Message): Delivery | undefined {
    try {
      const linked = linkedDelivery(message)
      if (linked !== undefined) return linked
      const { _msgid: id } = message
      if (id === undefined) return undefined
      return this.open.get(id) ?? this.open.get(partOf(id)?.deliveryId ?? '')
    } catch {
      // Nothing of ours throws here; messages of other nodes may be anything, and must get through.
      return undefined
    }
  }

  // ---- copies on their way -------------------------------------------------------------------------------

  /** A node has sent a copy; the router has not placed it yet. */
  copySent(delivery: Delivery): void {
    if (delivery.settled !== undefined) return
    delivery.alive++
    delivery.wasSent = true
    delivery.movedAtMs = this.options.now()
  }

  /** The router will hand a sent copy to this node. */
  copyPlaced(delivery: Delivery, node: FlowNode): void {
    if (delivery.settled !== undefined) return
    const place = placeOf(delivery, node)
    place.alive++
    place.announced++
  }

  /** The router found no such node. `lost` is set when the node should have been there (a deploy is under way). */
  copyUnroutable(delivery: Delivery, nodeId: string, lost: PipelineError | undefined): void {
    if (delivery.settled !== undefined) return
    delivery.alive--
    if (lost !== undefined) this.openFailure(delivery, nodeId, lost)
    if (delivery.alive === delivery.parked) this.scheduleCheck(delivery)
  }

  /** A node gets a copy. One that was not announced came past the router: Catch, Complete, Link in. */
  copyReceived(delivery: Delivery, node: FlowNode): void {
    if (delivery.settled !== undefined) return
    const place = placeOf(delivery, node)
    if (place.announced > 0) {
      place.announced--
    } else {
      place.alive++
      delivery.alive++
      delivery.wasSent = true
    }
    delivery.movedAtMs = this.options.now()
  }

  /** A node is done with a copy. More calls than copies are ignored. */
  copyEnded(delivery: Delivery, node: FlowNode): void {
    const place = delivery.places.get(node)
    delivery.justConfirmed = false
    if (delivery.settled !== undefined || place === undefined || place.alive === 0) return
    place.alive--
    if (place.announced > place.alive) place.announced = place.alive
    // A deploy has taken one away that was waiting.
    if (place.parked > place.alive) {
      place.parked--
      delivery.parked--
    }
    delivery.alive--
    if (place.alive === 0) delivery.places.delete(node)
    delivery.movedAtMs = this.options.now()
    if (delivery.alive === delivery.parked) this.scheduleCheck(delivery)
  }

  /** A node that a deploy is taking away has dropped a copy, whatever it says. */
  copyLost(delivery: Delivery, node: FlowNode): void {
    const place = delivery.places.get(node)
    if (place === undefined || place.alive === 0) return
    this.openFailure(delivery, node.id, lostInDeploy())
    this.copyEnded(delivery, node)
  }

  /**
   * A node reported an error for a copy.
   * @param copy what failed. When it came from a Catch node, and has failed at the same node before, the new failure
   *   takes the place of the old one: a flow may try something again by itself, as often as it likes.
   * @param records of a batch that it concerns, by their number; undefined: it could be any of them
   */
  openFailure(
    delivery: Delivery,
    nodeId: string,
    error: PipelineError,
    copy: Message = {},
    records: ReadonlySet<number> | undefined = numberOfSplit(copy, delivery.size),
  ): Failure {
    const carried = carriedFailure(delivery, copy)
    const again = carried?.nodeId === nodeId ? carried : undefined
    // A node tells of one error in two ways: by `done`, and by `node.error`.
    if (again !== undefined && delivery.failures?.has(again) && isSameError(again.error, error)) return again
    const before = again === undefined ? carried && [carried] : again.before
    const failure: Failure = { nodeId, error, records, before }
    if (delivery.settled !== undefined) return failure
    delivery.failures ??= new Set()
    if (again !== undefined) delivery.failures.delete(again)
    delivery.failures.add(failure)
    return failure
  }

  /**
   * A node has received a copy that waits for the others, and says done for it when its gathering is completed. Until then the
   * delivery can time out: a copy that another node swallows would keep it waiting.
   */
  park(delivery: Delivery, gathering: Gathering): void {
    if (delivery.settled !== undefined) return
    addGathering(delivery, gathering, placeOf(delivery, gathering.node))
    if (delivery.alive === delivery.parked) this.scheduleCheck(delivery)
  }

  // ---- sinks ---------------------------------------------------------------------------------------------

  /** A sink holds a copy: the delivery cannot time out until `confirm` or `release`. */
  hold(delivery: Delivery): void {
    delivery.holders++
  }

  /** The sink gives up a copy that it held, without having stored it; it reports the error by `done(error)`. */
  release(delivery: Delivery): void {
    delivery.holders--
    delivery.movedAtMs = this.options.now()
  }

  /** The copy that a sink held is durable. Closes the failure which this copy carries. */
  confirm(delivery: Delivery, message: Message): void {
    this.release(delivery)
    if (delivery.settled !== undefined) return
    delivery.confirmed = true
    delivery.justConfirmed = true
    closeFailure(delivery, carriedFailure(delivery, message))
  }

  /** The copy that a sink held need not be stored: closes the failure which it carries. */
  letGo(delivery: Delivery, message: Message): void {
    this.release(delivery)
    closeFailure(delivery, carriedFailure(delivery, message))
  }

  // ---- losses --------------------------------------------------------------------------------------------

  /**
   * Fails all deliveries that have a copy at a node which is gone (`isThere` says no): a deploy has removed or
   * replaced it, and what it had not finished vanished with it.
   */
  failLostCopies(isThere: (node: FlowNode) => boolean): number {
    let failed = 0
    for (const delivery of this.open.values()) {
      if (delivery.holders > 0) continue
      for (const node of delivery.places.keys()) {
        if (isThere(node)) continue
        this.openFailure(delivery, node.id, lostInDeploy())
        this.settle(delivery)
        failed++
        break
      }
    }
    return failed
  }

  /** Fails what has not moved for its timeout and is held by no sink. Call it about once a second. */
  failStalled(): number {
    const now = this.options.now()
    let failed = 0
    for (const delivery of this.open.values()) {
      if (delivery.holders > 0 || now - delivery.movedAtMs < delivery.timeoutMs) continue
      // What waits at a join waits for the others.
      const places = [...delivery.places].filter(([, { alive, parked }]) => alive > parked)
      const where = places.map(([node]) => `${node.type ?? 'node'} ${node.id}`).join(', ')
      const at = places[0]?.[0].id ?? delivery.sourceId
      this.openFailure(delivery, at, stalled(delivery.timeoutMs, where))
      this.settle(delivery)
      failed++
    }
    return failed
  }

  /** Forgets the deliveries of a source that closes; nothing is reported. Its broker delivers them again. */
  abandon(sourceId: string): number {
    let abandoned = 0
    for (const delivery of this.open.values()) {
      if (delivery.sourceId !== sourceId) continue
      delivery.settled = 'failed'
      delivery.isRepeated = true
      this.open.delete(delivery.id)
      dropGatherings(delivery)
      abandoned++
    }
    return abandoned
  }

  // ---- settling ------------------------------------------------------------------------------------------

  private scheduleCheck(delivery: Delivery): void {
    if (delivery.checkPending || delivery.settled !== undefined) return
    delivery.checkPending = true
    this.toCheck.push(delivery)
    if (this.toCheck.length === 1) this.options.nextMacrotask(() => this.checkAll())
  }

  private checkAll(): void {
    for (const delivery of this.toCheck.splice(0)) {
      delivery.checkPending = false
      if (delivery.settled !== undefined || delivery.alive !== delivery.parked) continue
      if (delivery.parked > 0) completeGatherings(delivery)
      else if (hasEnd(delivery)) this.settle(delivery)
    }
  }

  private settle(delivery: Delivery): void {
    const settlement = settlementOf(delivery)
    delivery.settled = settlement.outcome
    delivery.isRepeated = settlement.outcome === 'failed' && settlement.isLeftOut !== true
    delivery.places.clear()
    this.open.delete(delivery.id)
    dropGatherings(delivery)
    delivery.onSettled(settlement)
  }
}

function placeOf(delivery: Delivery, node: FlowNode): Place {
  let place = delivery.places.get(node)
  if (place === undefined) {
    place = { alive: 0, announced: 0, parked: 0 }
    delivery.places.set(node, place)
  }
  return place
}

/** It has been in the flow, or never got there because sending it has failed. */
function hasEnd({ wasSent, failures }: Delivery): boolean {
  return wasSent || (failures !== undefined && failures.size > 0)
}

function lostInDeploy(): PipelineError {
  return new PipelineError('FLOW_CHANGED', 'a deploy replaced the node that had the message', {
    retryable: true,
  })
}

function stalled(timeoutMs: number, where: string): PipelineError {
  const at = where === '' ? '' : ` (last seen at ${where})`
  return new PipelineError('DELIVERY_STALLED', `no node moved the message for ${timeoutMs} ms${at}`, {
    retryable: true,
  })
}
