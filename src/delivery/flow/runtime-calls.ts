/**
 * What Node-RED's hooks do not show, or show too late, seen where the runtime is called:
 *
 *  - `node.error(text, msg)` fails a message, but there is no hook for it: without a Catch node it would go unnoticed.
 *  - A hook of another package that was there before ours is run first. When it throws, stops the message or takes its
 *    time, ours learns nothing, and the sender's `done` looks like the end of the message. So what is sent, and what is
 *    received past the router, is counted before any hook runs.
 *
 * The three functions belong to classes that all nodes and flows share, and are put back as they were.
 */
import type { CompleteEvent, Hooks, ReceiveEvent, RuntimeNode, SendEvent } from '../../runtime/host'
import type { Message } from '../../wire/message'

export interface RuntimeCallsHost {
  readonly hooks: Pick<Hooks, 'has'>
  readonly onError: (event: CompleteEvent) => void
  /** This one and the next: only where a hook of another package comes first. */
  readonly onSend: (events: SendEvent[]) => void
  readonly onReceive: (event: ReceiveEvent) => void
}

export class RuntimeCalls {
  private readonly restores: (() => void)[] = []
  private isWatching = false
  /** Whether a hook of another package does. */
  readonly comesFirst: { readonly onSend: boolean; readonly onReceive: boolean }

  /** Make it before our own hooks are added. */
  constructor(private readonly host: RuntimeCallsHost) {
    const { hooks } = host
    this.comesFirst = { onSend: hooks.has('onSend'), onReceive: hooks.has('onReceive') }
  }

  /** @param node any node that runs: it leads to the classes */
  watch(node: object): void {
    if (this.isWatching) return
    this.isWatching = true
    const { host, comesFirst } = this
    this.before(node, 'error', (reporter, [error, msg]) => {
      if (isMessage(msg)) host.onError({ msg, error, node: placeOf(reporter) })
    })
    if (comesFirst.onReceive) {
      this.before(node, 'receive', (receiver, [msg]) => {
        if (isMessage(msg)) host.onReceive({ msg, destination: placeOf(receiver) })
      })
    }
    const { _flow: flow } = node as { _flow?: object }
    if (comesFirst.onSend && flow !== undefined) {
      this.before(flow, 'send', (_flow, [events]) => {
        if (Array.isArray(events)) host.onSend(events as SendEvent[])
      })
    }
  }

  stop(): void {
    for (const restore of this.restores.splice(0)) restore()
  }

  /** Calls `look` before a method of the class that an object belongs to. */
  private before(object: object, name: string, look: (self: unknown, given: unknown[]) => void): void {
    const owner = ownerOf(object, name)
    const original = owner?.[name]
    if (owner === undefined || typeof original !== 'function') return
    let isActive = true
    // A proxy, so that it has whatever others have put on the function.
    const watched = new Proxy(original, {
      apply: (_original, self: unknown, given: unknown[]): unknown => {
        try {
          if (isActive) look(self, given)
        } catch {
          // Whatever is odd about the message, the runtime gets it as always.
        }
        return Reflect.apply(original, self, given)
      },
    })
    owner[name] = watched
    this.restores.push(() => {
      isActive = false
      // Another package may have put its own around ours.
      if (owner[name] === watched) owner[name] = original
    })
  }
}

function isMessage(given: unknown): given is Message {
  return typeof given === 'object' && given !== null
}

function placeOf(node: unknown): { readonly id: string; readonly node: RuntimeNode } {
  return { id: (node as RuntimeNode).id, node: node as RuntimeNode }
}

/** The prototype, the outermost one, that has a method. */
function ownerOf(object: object, name: string): Record<string, unknown> | undefined {
  let owner: object | undefined
  let each: object | null = Object.getPrototypeOf(object) as object | null
  for (; each !== null; each = Object.getPrototypeOf(each) as object | null) {
    if (Object.hasOwn(each, name)) owner = each
  }
  return owner as Record<string, unknown> | undefined
}
