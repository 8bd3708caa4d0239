/**
 * Between a flow and the sink: which messages are written at all, and what their deliveries learn of it.
 * A message is confirmed only when its transaction has been committed.
 */
import type { Delivery } from '../delivery/delivery'
import type { Message } from '../delivery/message-link'
import { withOrigin } from '../delivery/origin'
import type { DeliveryTracker } from '../delivery/tracker'
import { asPipelineError, PipelineError } from '../runtime/errors'
import { routeOf, type ExactlyOnce, type Route } from './routing'
import type { TableSink } from './table-sink'

export interface SinkIntakeOptions {
  readonly tracker: DeliveryTracker
  readonly sink: TableSink
  readonly exactlyOnce: ExactlyOnce
}

export class SinkIntake {
  /** Deliveries of which a batch with a range, or a replayed dead letter, has arrived here. */
  private readonly seen = new WeakSet<Delivery>()

  constructor(private readonly options: SinkIntakeOptions) {}

  /** Never rejects: what happens to the message is told by `done`. */
  async receive(message: Message, done: (error?: Error) => void): Promise<void> {
    const { tracker, sink, exactlyOnce } = this.options
    const delivery = tracker.find(message)
    if (delivery?.settled === 'failed') return done()
    let route: Route
    try {
      if (delivery?.settled !== undefined) throw lateCopy()
      route = routeOf(withOrigin(message, delivery?.origin), exactlyOnce)
      const onlyOnce = route.way === 'range' || route.letter !== undefined
      if (delivery !== undefined && onlyOnce) this.assertFirstCopy(delivery)
    } catch (error) {
      return done(asPipelineError(error))
    }
    if (delivery !== undefined) tracker.hold(delivery)
    try {
      await sink.write(route)
      if (delivery !== undefined) tracker.confirm(delivery, message)
      done()
    } catch (error) {
      if (delivery !== undefined) tracker.release(delivery)
      done(asPipelineError(error))
    }
  }

  /** The second copy would be taken for a repetition, and its records would be lost. */
  private assertFirstCopy(delivery: Delivery): void {
    if (this.seen.has(delivery)) {
      throw new PipelineError(
        'BATCH_TWICE',
        'two copies of one batch, or of one replayed dead letter, have reached this sink, and the ledger has room ' +
          'for one: join the wires before the sink, or choose "exactly once by key"',
        { retryable: false, statusText: 'two copies of one batch' },
      )
    }
    this.seen.add(delivery)
  }
}

function lateCopy(): PipelineError {
  return new PipelineError(
    'LATE_COPY',
    'this message came when its delivery was over: a node on the way has held it without saying so; it was not stored',
    { retryable: false, statusText: 'a message came too late' },
  )
}
