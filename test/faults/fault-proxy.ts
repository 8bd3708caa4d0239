/**
 * The TCP proxy of the tests: between the pipeline and a service, it does to their bytes what networks
 * do. Faults can be changed while connections are open, and apply to all of them.
 */
import { createServer, connect, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/** `up`: from the client to the service. */
export type Direction = 'up' | 'down'

export interface Faults {
  /** Each chunk arrives this much later. */
  readonly latencyMs?: number
  /** Bytes a second, at most, in each direction of a connection. */
  readonly bytesPerSecond?: number
  /** Bytes arrive in slices of this size, each as a chunk of its own. */
  readonly sliceBytes?: number
  /** Nothing arrives any more, in one direction or (`true`) both, and neither side notices: a pulled cable. */
  readonly blackHole?: boolean | Direction
  /** New connections are reset at once: a host that is up, and a service that is not. */
  readonly refuse?: boolean
  /** A connection is cut after this many bytes from the client (`up`) or the service (`down`). */
  readonly cutAfter?: { readonly direction: Direction; readonly bytes: number }
  /** Sees all bytes that arrive. */
  readonly watch?: (bytes: Buffer, direction: Direction) => void
  /** Sees the first bytes of a client; what it returns is the answer, in the service's place, and ends the connection. */
  readonly answer?: (firstBytes: Buffer) => Buffer | undefined
}

/** @param connection the same object for all bytes of one connection; what is returned passes in their place */
export type Rewrite = (bytes: Buffer, direction: Direction, connection: object) => Promise<Buffer>

const LOOPBACK = '127.0.0.1'

export class FaultProxy {
  /** Changes what passes, or holds it back; set before connections are made, it sees each from the first byte on. */
  rewrite: Rewrite | undefined
  /** Connections that clients have made so far, those that were refused among them. */
  accepted = 0
  /** What black holes have taken, all connections together. */
  swallowedBytes = 0
  /** How many answers `loseNextAnswers` has cost. */
  lostAnswers = 0
  private faults: Faults = {}
  private readonly pairs = new Set<Pair>()

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** @param target the service's port on the loopback address; a function is asked at each connection */
  static async start(target: number | (() => number), port = 0): Promise<FaultProxy> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true })
    server.listen(port, LOOPBACK)
    await once(server, 'listening')
    const address = server.address() as { port: number }
    const proxy = new FaultProxy(server, address.port)
    const portNow = typeof target === 'number' ? () => target : target
    server.on('connection', (client) => proxy.accept(client, portNow))
    return proxy
  }

  /** `127.0.0.1:port` of the proxy. */
  get address(): string {
    return `${LOOPBACK}:${this.port}`
  }

  /** Connections that are open. */
  get connections(): number {
    return this.pairs.size
  }

  /** Replaces all faults; `{}` heals. What a black hole has swallowed is gone for good. */
  set(faults: Faults): void {
    this.faults = faults
    for (const pair of this.pairs) pair.tellEnds()
  }

  /** Resets every open connection. */
  reset(): void {
    for (const pair of this.pairs) pair.reset()
  }

  /** The service's next answer on each connection that is open now is lost, and the connection with it. */
  loseNextAnswers(): void {
    for (const pair of this.pairs) pair.losesAnswer = true
  }

  async stop(): Promise<void> {
    this.server.close()
    this.reset()
    await once(this.server, 'close')
  }

  private accept(client: Socket, target: () => number): void {
    this.accepted++
    if (this.faults.refuse) {
      client.resetAndDestroy()
      return
    }
    const service = connect({ port: target(), host: LOOPBACK, allowHalfOpen: true })
    const pair: Pair = new Pair(client, service, {
      faults: () => this.faults,
      rewrite: this.rewrite,
      swallowed: (bytes) => (this.swallowedBytes += bytes),
      answerLost: () => this.lostAnswers++,
      ended: () => this.pairs.delete(pair),
    })
    this.pairs.add(pair)
  }
}

interface Surroundings {
  faults(): Faults
  readonly rewrite: Rewrite | undefined
  swallowed(bytes: number): void
  answerLost(): void
  ended(): void
}

/** One direction of a connection. */
interface Way {
  readonly direction: Direction
  readonly from: Socket
  readonly to: Socket
  moved: number
  /** All that came from `from` has been passed on, and it writes no more. */
  ended: boolean
}

/** One client's connection and ours to the service. */
class Pair {
  losesAnswer = false
  private answered = false
  private readonly ways: readonly Way[]

  constructor(
    private readonly client: Socket,
    private readonly service: Socket,
    private readonly surroundings: Surroundings,
  ) {
    this.ways = [
      { direction: 'up', from: client, to: service, moved: 0, ended: false },
      { direction: 'down', from: service, to: client, moved: 0, ended: false },
    ]
    for (const socket of [client, service]) {
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => this.tellEnds())
    }
    for (const way of this.ways) void this.pump(way)
  }

  reset(): void {
    resetSocket(this.client)
    resetSocket(this.service)
  }

  /** Tells each side of the other's end, where the way to it is open. */
  tellEnds(): void {
    for (const way of this.ways.filter((each) => !this.swallows(each))) {
      if (way.ended) way.to.end()
      else if (way.from.destroyed) resetSocket(way.to)
    }
    if (this.client.destroyed && this.service.destroyed) this.surroundings.ended()
  }

  private swallows({ direction }: Way): boolean {
    const { blackHole } = this.surroundings.faults()
    return blackHole === true || blackHole === direction
  }

  private async pump(way: Way): Promise<void> {
    try {
      for await (const chunk of way.from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        for (const slice of slices(chunk, this.surroundings.faults().sliceBytes)) await this.pass(slice, way)
      }
      way.ended = true
    } catch {
      way.from.destroy()
    }
    this.tellEnds()
  }

  private async pass(slice: Buffer, way: Way): Promise<void> {
    const { latencyMs = 0, bytesPerSecond, cutAfter, answer, watch } = this.surroundings.faults()
    const { to, direction } = way
    if (latencyMs > 0) await sleep(latencyMs)
    if (bytesPerSecond !== undefined) await sleep((slice.length / bytesPerSecond) * 1000)
    if (this.swallows(way)) return this.surroundings.swallowed(slice.length)
    if (this.answered) return
    if (to.destroyed) return this.reset()
    if (direction === 'down' && this.losesAnswer) {
      this.surroundings.answerLost()
      return this.reset()
    }
    const ownAnswer = direction === 'up' && way.moved === 0 ? answer?.(slice) : undefined
    if (ownAnswer !== undefined) {
      this.answered = true
      this.client.end(ownAnswer)
      this.service.end()
      return
    }
    const left = cutAfter?.direction === direction ? cutAfter.bytes - way.moved : Infinity
    way.moved += slice.length
    watch?.(slice, direction)
    const { rewrite } = this.surroundings
    const passed = rewrite === undefined ? slice : await rewrite(slice, direction, this)
    if (slice.length >= left) {
      to.write(slice.subarray(0, Math.max(0, left)), () => this.reset())
      return
    }
    if (passed.length > 0 && !to.write(passed)) await once(to, 'drain')
  }
}

/**
 * A socket that is about to end gets no reset: Node.js 20 would wait indefinitely, at the end of the process, for the
 * shutdown that the reset has cancelled.
 */
function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

function* slices(chunk: Buffer, size = chunk.length): Generator<Buffer> {
  for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size)
}
