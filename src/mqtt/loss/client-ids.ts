/**
 * Which client ids are in use in this process, and what was last known about their sessions.
 *
 * A broker throws out the older of two connections with the same client id. So the new instance of a source waits
 * here until the old one has written its last acknowledgement and is gone; two sources that share an id by
 * mistake wait for each other, and say so, instead of throwing each other out in a loop.
 *
 * What is remembered survives a redeploy, not a restart of Node-RED.
 */
import type { BrokerQueue } from './broker-queue'

export interface SessionMemory {
  /** The filters that the session is subscribed to, as `filter` → QoS. */
  filters: ReadonlyMap<string, number>
  /** When these were first subscribed to, or others than before. On the session's clock. */
  filtersChangedMs?: number
  /** When this session was last connected; `undefined` when it never was. Milliseconds since 1970. */
  lastConnectedMs: number | undefined
  /** The host where the session began in this process, and the only filters that it has had since. */
  begun?: { readonly host: string; readonly digest: string } | undefined
  /** The broker has sent topics that no filter matches, for subscriptions that can only be ours. */
  rewrites?: boolean
  /** What the broker has probably queued for it; none before a source has had the session. */
  queue?: BrokerQueue
}

export interface ClientIdClaim {
  readonly memory: SessionMemory
  release(): void
}

interface Entry {
  owner: string | undefined
  readonly waiting: { readonly owner: string; readonly take: () => void }[]
  readonly memory: SessionMemory
}

export class ClientIds {
  private readonly entries = new Map<string, Entry>()

  /**
   * @param key    client id and broker
   * @param owner  the node's id
   * @param signal ends the waiting; the promise is then rejected
   * @param onWait called when another node has it, with that node's id
   */
  async claim(
    key: string,
    owner: string,
    signal: AbortSignal,
    onWait: (owner: string) => void,
  ): Promise<ClientIdClaim> {
    const entry = this.entryOf(key)
    if (entry.owner !== undefined) {
      onWait(entry.owner)
      await new Promise<void>((resolve, reject) => {
        const waiter = { owner, take: resolve }
        entry.waiting.push(waiter)
        signal.addEventListener('abort', () => {
          const index = entry.waiting.indexOf(waiter)
          if (index >= 0) entry.waiting.splice(index, 1)
          reject(signal.reason as Error)
        })
      })
    }
    entry.owner = owner
    let released = false
    return {
      memory: entry.memory,
      release: () => {
        if (released) return
        released = true
        const next = entry.waiting.shift()
        entry.owner = next?.owner
        next?.take()
      },
    }
  }

  private entryOf(key: string): Entry {
    let entry = this.entries.get(key)
    if (entry === undefined) {
      entry = { owner: undefined, waiting: [], memory: { filters: new Map(), lastConnectedMs: undefined } }
      this.entries.set(key, entry)
    }
    return entry
  }
}

/** The client ids of this process. */
export const clientIds = new ClientIds()
