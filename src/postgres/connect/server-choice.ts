/**
 * Which of several servers is written to. They are tried in the order in which they are given, and the first that can
 * be reached and takes writes is used (libpq: `target_session_attrs=read-write`). It is kept for as long as it does
 * so: all connections go to one server, and a former primary that comes back is not returned to by itself.
 */
import { nameOf, type Server } from './connection'
import { DatabaseError } from './database-error'
import { phrase } from '../../status/phrase'
import { english } from '../../status/text'

export class ServerChoice {
  private index = 0
  private lastUsed: Server | undefined
  /** Why each server that was tried and not taken was not, the last time. */
  private readonly refusals = new Map<Server, DatabaseError>()

  /** @param servers at least one */
  constructor(private readonly servers: readonly Server[]) {}

  get count(): number {
    return this.servers.length
  }

  /** The server that connections are made to now. */
  get current(): Server {
    return this.servers[this.index] as Server
  }

  /** The server in use, or last used; `undefined` before the first connection. */
  get used(): Server | undefined {
    return this.lastUsed
  }

  /** @returns whether it is another server than before */
  accept(server: Server): boolean {
    this.refusals.delete(server)
    const isNew = server !== this.lastUsed
    this.lastUsed = server
    return isNew
  }

  /** It cannot be reached, or does not take writes: the next one is current, if this one was. */
  refuse(server: Server, reason: DatabaseError): void {
    this.refusals.set(server, reason)
    if (server === this.current) this.index = (this.index + 1) % this.servers.length
  }

  /** Why the others are not used, for a sentence; empty when none was tried. */
  describeRefusals(): string {
    return this.servers
      .flatMap((server) => {
        const reason = this.refusals.get(server)
        return reason === undefined ? [] : [`${nameOf(server)}: ${english(reason.inShort)}`]
      })
      .join(', ')
  }

  /** Why none can be used; `undefined` while there is one that was not tried. */
  get problem(): DatabaseError | undefined {
    const reasons = this.servers.map((server) => this.refusals.get(server))
    const [first] = reasons
    if (first === undefined || reasons.includes(undefined)) return undefined
    if (this.servers.length === 1) return first
    const kind = reasons.every((reason) => reason?.kind === 'configuration') ? 'configuration' : 'transient'
    const each = reasons.map((reason) => reason?.message).join('; ')
    const message = `none of ${this.servers.length} PostgreSQL servers can be written to: ${each}`
    return new DatabaseError(
      kind,
      'NO_SERVER',
      message,
      phrase('postgresNoServer', { servers: this.describeRefusals() }),
    )
  }
}
