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
import type { Message } from '../wire/message'
import type { Delivery, Failure } from './delivery'
import { originOf } from './origin'

/** Registered globally, so that two installed copies of this package understand each other's messages. */
const LINK = Symbol.for('@iot-bridge/node-red-tenant-pipeline/delivery')
/** The same for the failure that a message behind a Catch node carries. */
const FAILURE = Symbol.for('@iot-bridge/node-red-tenant-pipeline/failure')

/** Ties a message to its delivery, which remembers where it comes from; call it before `send`. */
export function link(message: Message, delivery: Delivery): void {
  tie(message, delivery)
  delivery.origin = originOf(message)
}

/** Ties one more message to a delivery. */
export function tie(message: Message, delivery: Delivery): void {
  message._msgid = delivery.id
  message[LINK] = () => delivery
}

/** A copy of a message that becomes a record of another one, without the link and the id. */
export function untied({ _msgid: _id, [LINK]: _link, ...record }: Message): Message {
  return record
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

/** `msg.error.source`: the node whose failure a message behind a Catch node tells of. */
function failedNode(message: Message): { readonly id: string; [FAILURE]?: unknown } | undefined {
  const error = message.error as { source?: { id?: unknown } } | null | undefined
  const source = error?.source
  return typeof source?.id === 'string' ? (source as { id: string }) : undefined
}

export function failedNodeId(message: Message): string | undefined {
  return failedNode(message)?.id
}

/**
 * Ties a message to the failure that it carries; `undefined`: to none, because its error is for information only, as on
 * the output for rejected records. Function nodes overwrite `msg.error` when they fail, and others make a new message
 * with the error of the old one, so both have the link. Like the link to the delivery it survives cloning.
 */
export function linkFailure(message: Message, failure: Failure | undefined): void {
  const carrier = (): Failure | undefined => failure
  message[FAILURE] = carrier
  const source = failedNode(message)
  if (source !== undefined) source[FAILURE] = carrier
}

/** `'unknown'`: the message has no link, but may have an error that a node has rebuilt. */
export function linkedFailure(message: Message): Failure | undefined | 'unknown' {
  const carrier = message[FAILURE] ?? failedNode(message)?.[FAILURE]
  return typeof carrier === 'function' ? (carrier as () => Failure | undefined)() : 'unknown'
}

/** What a message at a Catch node was before it failed. */
export function beforeFailure(caught: Message): Message {
  return { [FAILURE]: caught[FAILURE], error: caught._error }
}
