/** What the message of a batch has besides its records: it is put aside when a batch is split, and comes back when it is joined. */
import type { Message } from '../../wire/message'

/** Of one message: its records, its id, and what it has failed with. */
const OWN: ReadonlySet<string> = new Set(['payload', '_msgid', 'error', '_error'])

export function headOf(message: Message): Message {
  const head: Message = {}
  for (const property of Object.keys(message)) if (!OWN.has(property)) head[property] = message[property]
  return head
}

/** What its records get as well when they become messages: not what says that it is a batch, and which. */
export function sharedProperties({ batch: _batch, kafka: _kafka, ...shared }: Message): Message {
  return shared
}
