/**
 * Puts the messages that a batch was split into together again, as one batch with the range of offsets that it had.
 *
 * A message that arrives is parked: its copy stays alive. When every other copy of its delivery has ended (stored, filtered,
 * or failed), the tracker completes the gathering, and the parked messages leave as one batch, in the order that their
 * records had. So nothing is counted, no time is waited for, and it does not matter what the nodes in between have removed.
 *
 *  - What a node in between has failed is not in the batch. The delivery knows (`leftBehind`), and a sink by ledger
 *    writes nothing until that is stored elsewhere; other sinks store the rest.
 *  - What a node in between has swallowed keeps the delivery open until its timeout. It then fails, with the name of that
 *    node, and the source sends the batch again.
 *  - A message that arrives when its batch has left is refused: no batch has room for it. A node has said that it is done with
 *    it, and sent it later.
 *
 * It parks no more than sources have in the flow, which their windows limit.
 */
import type { FlowNode } from '../../runtime/host'
import { asPipelineError, PipelineError } from '../../wire/errors'
import { isBatch, type Message, type WireRecord } from '../../wire/message'
import type { Delivery, Failure, Gathering } from '../delivery'
import { carriedFailure, leaveBehind, withBefore } from '../failures'
import { linkFailure, tie, untied } from '../message-link'
import type { BatchNotes } from './batch-notes'
import { numberOf, partOf, requireList, setNumber } from '../record-number'
import type { DeliveryTracker } from '../tracker'

export interface BatchJoinOptions {
  readonly tracker: DeliveryTracker
  readonly node: FlowNode
  /** Sends a batch, at any time. */
  readonly send: (message: Message) => void
  readonly notes: Pick<BatchNotes, 'notePassed' | 'noteUnbatched' | 'noteLate'>
}

interface Parked {
  readonly message: Message
  readonly done: () => void
}

export class BatchJoin {
  /** What has come of each delivery; of those whose batch has left, nothing more may come. */
  private readonly gatherings = new WeakMap<Delivery, ParkedMessages>()
  private readonly leftWith = new WeakSet<Delivery>()
  private waitingCount = 0
  private isClosed = false

  constructor(private readonly options: BatchJoinOptions) {}

  /** Messages that wait for the others of their batch. */
  get waiting(): number {
    return this.waitingCount
  }

  /**
   * Takes a message; `done` is called when its batch has left, or has failed.
   * @throws PipelineError, not retryable: its batch has left, or it is a batch without its list
   */
  receive(message: Message, send: (message: Message) => void, done: () => void): void {
    const { tracker, notes } = this.options
    const delivery = tracker.find(message)
    const isPart = delivery === undefined ? partOf(message._msgid) !== undefined : delivery.size > 0
    if (!isPart) {
      notes.noteUnbatched()
      send(message)
      return done()
    }
    // The source sends the whole batch again.
    if (delivery?.isRepeated === true) return done()
    if (delivery === undefined || delivery.settled !== undefined || this.leftWith.has(delivery)) {
      notes.noteLate()
      throw lateForJoin()
    }
    requireList(message, delivery.size)
    this.park(delivery, { message, done })
  }

  private park(delivery: Delivery, parked: Parked): void {
    const { tracker, node } = this.options
    let gathering = this.gatherings.get(delivery)
    if (gathering === undefined) {
      gathering = new ParkedMessages(
        node,
        (all) => this.complete(delivery, all),
        (all) => this.end(all),
      )
      this.gatherings.set(delivery, gathering)
    }
    gathering.parked.push(parked)
    this.waitingCount++
    tracker.park(delivery, gathering)
  }

  /** What it has is lost with the node, as in any other that a deploy replaces: the source sends it again. */
  close(): void {
    this.isClosed = true
    this.waitingCount = 0
  }

  private complete(delivery: Delivery, parked: readonly Parked[]): void {
    const { tracker, node, send, notes } = this.options
    if (this.isClosed) {
      parked.forEach(() => tracker.copyLost(delivery, node))
      return
    }
    this.leftWith.add(delivery)
    try {
      const messages = parked.map(({ message }) => message)
      const carried = messages
        .map((message) => carriedFailure(delivery, message))
        .filter((failure) => failure !== undefined)
      leaveBehind(delivery, new Set(carried.flatMap((failure) => [...withBefore(failure)])))
      const records = inOrder(messages.flatMap(recordsOfPart))
      const batch: Message = { ...delivery.head, batch: true, payload: records }
      tie(batch, delivery)
      if (carried.length > 0) linkFailure(batch, together([...new Set(carried)], node.id))
      delivery.joined = [...delivery.joined, ...records]
      notes.notePassed(records.length)
      send(batch)
    } catch (thrown) {
      tracker.openFailure(delivery, node.id, asPipelineError(thrown))
    }
    this.end(parked)
  }

  private end(parked: readonly Parked[]): void {
    if (this.isClosed) return
    this.waitingCount -= parked.length
    for (const { done } of parked) done()
  }
}

class ParkedMessages implements Gathering {
  readonly parked: Parked[] = []

  constructor(
    readonly node: FlowNode,
    private readonly onComplete: (parked: readonly Parked[]) => void,
    private readonly onDrop: (parked: readonly Parked[]) => void,
  ) {}

  complete(): void {
    this.onComplete(this.parked.splice(0))
  }

  drop(): void {
    this.onDrop(this.parked.splice(0))
  }
}

/** The record that a message has become; those of a batch that has come whole. */
function recordsOfPart(message: Message): readonly WireRecord[] {
  if (isBatch(message)) return message.payload
  const record = untied(message)
  const number = numberOf(message)
  if (number !== undefined) setNumber(record, number)
  return [record as WireRecord]
}

/** In the order of the batch; what a node has built without a number comes last, as it has arrived. */
function inOrder(records: readonly WireRecord[]): WireRecord[] {
  const placeOf = (record: WireRecord): number => numberOf(record) ?? Number.MAX_SAFE_INTEGER
  return records.toSorted((a, b) => placeOf(a) - placeOf(b))
}

/** Who stores the batch has stored what failed before in each of its messages. */
function together([first, ...others]: readonly Failure[], nodeId: string): Failure | undefined {
  if (first === undefined || others.length === 0) return first
  return { error: first.error, nodeId, before: [first, ...others] }
}

function lateForJoin(): PipelineError {
  return new PipelineError(
    'LATE_COPY',
    'this message has come after its batch had left the join, or after the batch had ended: a node on the way has said that it ' +
      'is done with it and sent it later, or the flow has a second join on the way of only a part of the batch. It is in no ' +
      'batch. A Function node that sends from a callback has to call node.done() after it',
    { retryable: false, status: 'messageTooLate' },
  )
}
