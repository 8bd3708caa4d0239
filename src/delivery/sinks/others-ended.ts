/**
 * A sink by ledger moves its position past a whole batch, also when it gets only some of the records. Those that it does not get
 * the flow has ended on purpose, or another copy of the batch has them: then they have to be stored first. Otherwise a crash
 * in between loses them if the flow, changed meanwhile, sends them to this sink: they would count as written.
 */
import type { FlowNode } from '../../runtime/host'
import { recordsOf, type Message } from '../../wire/message'
import type { Delivery } from '../delivery'
import { isPartial } from '../record-number'
import type { DeliveryTracker } from '../tracker'

/** Whether another copy of the batch is on its way, and may have records that this message has not. */
export function othersMayHaveMore({ alive, settled, size }: Delivery, message: Message): boolean {
  return settled === undefined && alive > 1 && size > 0 && isPartial(recordsOf(message), size)
}

/**
 * Resolves when every other copy has ended, however that went, or waits as this one does; or when the delivery is over.
 * It may time out meanwhile: a copy that another node keeps is not waited for any longer.
 */
export function othersEnded(tracker: DeliveryTracker, delivery: Delivery, node: FlowNode): Promise<void> {
  return new Promise((resolve) => {
    tracker.park(delivery, { node, isLast: true, complete: resolve, drop: resolve })
  })
}
