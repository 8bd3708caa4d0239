/**
 * A delivery: one message (or one batch) which a source has emitted into the flow and has not yet settled
 * with its broker. It remembers how many copies of the message are on their way, which nodes hold them, which
 * of them failed, and whether a sink has confirmed that the record is durable.
 *
 * It exists because Node-RED's wires report nothing back: without it a source could only acknowledge when the
 * message leaves, which is before anything has been stored.
 */
import type { PipelineError } from '../wire/errors'
import type { FlowNode } from '../runtime/host'
import type { Message } from '../wire/message'
import type { Origin } from './origin'

/** How a delivery ended. The worst outcome of all its copies wins. */
export type Outcome = 'delivered' | 'filtered' | 'failed'

/** What a source learns about a delivery, exactly once. */
export interface Settlement {
  readonly outcome: Outcome
  /** Set when the outcome is `failed`. `retryable === false` means that another attempt cannot help. */
  readonly error?: PipelineError
  /** Id of the node at which it failed, when one is known. */
  readonly failedAt?: string
  /** Records of a failed batch, by their number, that are durable and that no open failure concerns. */
  readonly stored?: ReadonlySet<number>
  /** Records that sinks have stored as dead letters. */
  readonly deadLetters?: number
  /**
   * A sink has stored the batch without a record that came too late for it. What is left must not go through the flow again: the
   * position in a ledger may be past it, and the sink would take it for written.
   */
  readonly isLeftOut?: boolean
}

export type OnSettled = (settlement: Settlement) => void

/** The copies of one delivery at one node. */
export interface Place {
  /** Copies which that node has, or will get in the next turn of the event loop, and has not finished. */
  alive: number
  /** Of these, the ones announced by the router but not yet handed to the node. */
  announced: number
  /** Of these, the ones that wait there for the others of the delivery. */
  parked: number
}

/** Copies of one delivery that wait at one node, until nothing else of the delivery is on its way. */
export interface Gathering {
  readonly node: FlowNode
  /** Completed when only such gatherings are left: what the others send on has to end first. */
  readonly isLast?: boolean
  /** Uses what it has, and says done for each copy. */
  complete(): void
  /** The delivery is over: what it has is void. */
  drop(): void
}

/**
 * One copy failed at one node. Each has an identity: two copies that fail at the same node are two failures,
 * and each wants a sink of its own to store it.
 */
export interface Failure {
  readonly error: PipelineError
  readonly nodeId: string
  /** The records of a batch that it concerns, by their number; undefined: it could be any of them. */
  readonly records?: ReadonlySet<number> | undefined
  /** What the copy had failed with before, at other nodes. Who stores the copy ends all of them. */
  readonly before?: readonly Failure[] | undefined
}

const NONE: readonly unknown[] = []

export class Delivery {
  /** Copies alive in all places, and copies which the router has not placed yet. */
  alive = 0
  /** Of these, the ones that wait for the others. */
  parked = 0
  gatherings: Set<Gathering> | undefined
  /** Sinks of this package that hold a copy at the moment; while there is one the delivery cannot time out. */
  holders = 0
  confirmed = false
  /** The router has got a copy. Without one the flow has not ended it: a hook of another package has kept it. */
  wasSent = false
  /** Records of its batch; 0: it is no batch. */
  size = 0
  /** What the message of the batch has besides its records, such as their range of offsets. */
  head: Message | undefined
  /** Records of the batches that joins have sent. */
  joined: readonly unknown[] = NONE
  /** What sinks have stored of the batch. */
  stored: (readonly unknown[])[] | undefined
  /** Of these, the dead letters. */
  deadLetters = 0
  /** A sink has confirmed and not yet said done, which it does next. */
  justConfirmed = false
  settled: Outcome | undefined
  /** It has failed, and its source sends it again as a whole: copies that are still on their way are void. */
  isRepeated = false
  checkPending = false
  readonly places = new Map<FlowNode, Place>()
  /** Failures that no sink has stored, in the order in which they happened. */
  failures: Set<Failure> | undefined
  /** Of these, the ones of which no copy has come to the join: what they failed is not in the batch that it has sent. */
  leftBehind: Set<Failure> | undefined
  /** Of a message that has been a dead letter before; set when the message is linked. */
  origin: Origin | undefined

  /**
   * @param id       the `_msgid` of every copy
   * @param sourceId id of the node that emitted it
   * @param timeoutMs a delivery that no sink holds and that makes no move for so long has failed
   */
  constructor(
    readonly id: string,
    readonly sourceId: string,
    readonly timeoutMs: number,
    public movedAtMs: number,
    readonly onSettled: OnSettled,
  ) {}
}
