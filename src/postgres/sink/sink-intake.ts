/**
 * Takes messages from the flow: decides which of them are written, and confirms a delivery once its transaction has been
 * committed.
 *
 * A copy that arrives after its delivery was settled is stored if that is still exactly once: the source does not send it
 * again, and the sink's position, or the key, says whether it is stored already. A replayed dead letter is not: its outcome
 * is noted already.
 */
import { carriedFailure, leavesFailedBehind } from '../../delivery/failures'
import { numbersOf } from '../../delivery/record-number'
import { othersEnded, othersMayHaveMore } from '../../delivery/sinks/others-ended'
import { receive, type Receipt } from '../../delivery/sinks/receipt'
import type { FlowNode } from '../../runtime/host'
import type { Delivery } from '../../delivery/delivery'
import type { Message } from '../../wire/message'
import type { DeliveryTracker } from '../../delivery/tracker'
import { asPipelineError, PipelineError } from '../../wire/errors'
import { lateCopy } from './batch-writer'
import { writeRequestOf, type ExactlyOnce } from './write-request'
import type { TableSink } from './table-sink'

export interface SinkIntakeOptions {
  readonly tracker: DeliveryTracker
  readonly sink: TableSink
  readonly exactlyOnce: ExactlyOnce
  readonly node: FlowNode
  /** The ledger, and the sink's name in it: two sinks that share both write a batch only once. */
  readonly ledger: string
  /** A message was stored after its delivery had ended. */
  readonly onLate: () => void
}

/** By delivery: which sink has received its batch or replayed dead letter first, for each name in a ledger. */
const arrived = new WeakMap<Delivery, Map<string, string>>()

export class SinkIntake {
  constructor(private readonly options: SinkIntakeOptions) {}

  /** `done` gets the outcome. Rejects only before anything is held, as `receive` throws. */
  async receive(message: Message, done: (error?: Error) => void): Promise<void> {
    const { tracker, sink, exactlyOnce, node, onLate } = this.options
    if (exactlyOnce === 'ledger') {
      const awaited = tracker.find(message)
      if (awaited !== undefined && othersMayHaveMore(awaited, message))
        await othersEnded(tracker, awaited, node)
    }
    const receipt = receive(tracker, message)
    if (receipt === undefined) return done()
    const { delivery, isLate } = receipt
    try {
      const request = writeRequestOf(receipt.message, exactlyOnce)
      if (
        delivery !== undefined &&
        request.way === 'range' &&
        leavesFailedBehind(delivery, receipt.records, carriedFailure(delivery, message))
      ) {
        this.waitForOthers(delivery, receipt)
        return done()
      }
      if (isLate && request.way === 'records' && request.letter !== undefined) throw lateCopy()
      const onlyOnce = request.way === 'range' || request.letter !== undefined
      if (delivery !== undefined && onlyOnce) this.assertFirstCopy(delivery)
      const { rejected } = await sink.write(request, isLate)
      receipt.noteDeadLetters(rejected.length)
    } catch (error) {
      receipt.release()
      return done(asPipelineError(error))
    }
    if (isLate) onLate()
    receipt.confirm()
    done()
  }

  /**
   * Nothing is written, and the delivery fails: the source sends the batch again without what others have stored meanwhile, or
   * in halves when a record can never be stored. It is no error of this message, so no Catch node gets it.
   */
  private waitForOthers(delivery: Delivery, receipt: Receipt): void {
    const { tracker, node } = this.options
    const { records } = receipt
    const error = new PipelineError(
      'PART_FAILED',
      'a node before this sink has failed a record of this batch, and nothing has stored that record yet: the position in ' +
        'the ledger would move past it. The batch is sent again',
      { retryable: true, status: 'partFailed' },
    )
    tracker.openFailure(delivery, node.id, error, {}, numbersOf(records, records, delivery.size))
    receipt.release()
  }

  /** The ledger would take a second copy for a repetition, and its records would be lost. */
  private assertFirstCopy(delivery: Delivery): void {
    const { ledger, node } = this.options
    const sinks = arrived.get(delivery) ?? new Map<string, string>()
    const first = sinks.get(ledger)
    if (first === node.id) {
      throw new PipelineError(
        'BATCH_TWICE',
        'two copies of one batch, or of one replayed dead letter, have reached this sink, and the ledger has room ' +
          'for one: join the wires before the sink, or choose "exactly once by key"',
        { retryable: false, status: 'twoCopies' },
      )
    }
    if (first !== undefined) {
      throw new PipelineError(
        'LEDGER_NAME_TWICE',
        `this sink has received the same batch as the sink ${first}, and both have the same name in the ledger, as sinks of ` +
          'one table have by default: the ledger has room for one copy. Give this sink a "Name in ledger" of its own ' +
          'when both are meant to write, or remove one',
        { retryable: true, status: 'twoSinksOneName' },
      )
    }
    arrived.set(delivery, sinks.set(ledger, node.id))
  }
}
