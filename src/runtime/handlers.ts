/**
 * The two functions that every node gives to Node-RED, made so that nothing they do can end the process: what a
 * handler throws, or a promise of it rejects with, reaches `done`; and what `done` throws, because a hook or a
 * node downstream is at fault, reaches the log.
 */
import type { Message } from '../wire/message'
import { asPipelineError } from '../wire/errors'
import type { EventLog } from '../log/event-log'

type Send = (messages: unknown) => void
type Done = (error?: Error) => void
/** Takes a message. Either says `done` itself, or returns a promise and says it before that is settled. */
export type Handle = (message: Message, send: Send, done: Done) => void | Promise<void>
/** What Node-RED hands over; its `send` takes any message, whatever its type says. */
type InputListener = (message: object, send: (messages: never) => void, done: Done) => void

/** For `node.on('input', …)`. Node-RED looks at the number of parameters: three, so that it waits for `done`. */
export function inputHandler(log: EventLog, handle: Handle): InputListener {
  return (message, send, done) => {
    const finish = once(log, done)
    const fail = (thrown: unknown): void => finish(asPipelineError(thrown))
    try {
      void handle(message as Message, send as Send, finish)?.catch(fail)
    } catch (thrown) {
      fail(thrown)
    }
  }
}

/** For `node.on('close', …)`. When it is called twice, both calls wait for the one closing. */
export function closeHandler(
  log: EventLog,
  close: () => void | Promise<void>,
): (removed: boolean, done: () => void) => void {
  let closing: Promise<void> | undefined
  // The node stops its intake at once, not a turn later.
  const start = async (): Promise<void> => close()
  return (_removed, done) => {
    const finish = once(log, done)
    closing ??= start().catch((thrown: unknown) => log.thrown('closing this node', thrown))
    void closing.then(() => finish())
  }
}

function once(log: EventLog, done: Done): Done {
  let called = false
  return (error) => {
    if (called) return
    called = true
    try {
      done(error)
    } catch (thrown) {
      log.thrown('what Node-RED does when this node has finished', thrown)
    }
  }
}
