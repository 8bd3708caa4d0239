/**
 * The link from a message to its delivery, in both directions of what Node-RED does to messages.
 *
 * - A *function* under a symbol key survives `RED.util.cloneMessage` by reference and never shows up in JSON or
 *   in the debug sidebar. An object of a class would be copied (measured on 4.1 and 5).
 * - A Function node that returns a new object loses the symbol but gets the same `_msgid` back from the runtime.
 * - Split deletes `_msgid` and keeps the symbol.
 *
 * So either one finds the delivery.
 */
import type { Delivery } from './delivery'
import { originOf } from './origin'

/** Registered globally, so that two installed copies of this package understand each other's messages. */
const LINK = Symbol.for('@iot-bridge/node-red-tenant-pipeline/delivery')

/** Any Node-RED message. */
export interface Message {
  _msgid?: string
  payload?: unknown
  topic?: unknown
  error?: unknown
  [property: string | symbol]: unknown
}

/** Ties a message to its delivery, which remembers where it comes from; call it before `send`. */
export function link(message: Message, delivery: Delivery): void {
  message._msgid = delivery.id
  message[LINK] = () => delivery
  delivery.origin = originOf(message)
}

/** The delivery which the symbol of this message names, settled or not. */
export function linkedDelivery(message: Message): Delivery | undefined {
  const carrier = message[LINK]
  return typeof carrier === 'function' ? (carrier as () => Delivery)() : undefined
}

/** Copies the link, for a node that builds a new message out of one it has received. */
export function copyLink(from: Message, to: Message): void {
  if (from._msgid !== undefined) to._msgid = from._msgid
  if (from[LINK] !== undefined) to[LINK] = from[LINK]
}
