/**
 * A TCP proxy that misbehaves on request: it stands between the pipeline and a service, and does to their bytes
 * what networks do. Faults can be changed while connections are open, and apply to both directions.
 */
import { createServer, connect, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Faults {
  /** Each chunk arrives this much later. */
  readonly latencyMs?: number
  /** At most so many bytes a second in each direction of a connection. */
  readonly bytesPerSecond?: number
  /** Bytes arrive in slices of this size, each as a chunk of its own. */
  readonly sliceBytes?: number
  /** Nothing arrives any more, in neither direction, and nobody is told: a pulled cable. */
  readonly blackHole?: boolean
  /** New connections are reset at once: a host that is up, and a service that is not. */
  readonly refuse?: boolean
  /** A connection is cut after so many bytes from the client (`up`) or the service (`down`). */
  readonly cutAfter?: { readonly direction: Direction; readonly bytes: number }
}

export type Direction = 'up' | 'down'

const LOOPBACK = '127.0.0.1'

export class FaultProxy {
  private faults: Faults = {}
  private readonly pairs = new Set<Pair>()
  /** What black holes have taken, all connections together. */
  swallowedBytes = 0

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** @param target the service's port on the loopback address */
  static async start(target: number, port = 0): Promise<FaultProxy> {
    const server = createServer({ pauseOnConnect: true })
    server.listen(port, LOOPBACK)
    await once(server, 'listening')
    const address = server.address() as { port: number }
    const proxy = new FaultProxy(server, address.port)
    server.on('connection', (client) => proxy.accept(client, target))
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
  }

  /** Resets every open connection. */
  reset(): void {
    for (const pair of this.pairs) pair.reset()
  }

  async stop(): Promise<void> {
    this.reset()
    this.server.close()
    await once(this.server, 'close')
  }

  private accept(client: Socket, target: number): void {
    if (this.faults.refuse) {
      client.resetAndDestroy()
      return
    }
    const pair = new Pair(client, connect(target, LOOPBACK), () => this.faults)
    pair.onSwallow = (bytes) => (this.swallowedBytes += bytes)
    this.pairs.add(pair)
    pair.onEnd = () => this.pairs.delete(pair)
  }
}

/** One client's connection and ours to the service. */
class Pair {
  onEnd: () => void = () => undefined
  onSwallow: (bytes: number) => void = () => undefined
  private readonly moved: Record<Direction, number> = { up: 0, down: 0 }

  constructor(
    private readonly client: Socket,
    private readonly service: Socket,
    private readonly faults: () => Faults,
  ) {
    for (const socket of [client, service]) {
      socket.setNoDelay(true)
      socket.on('error', () => this.reset())
      socket.on('close', () => this.end())
    }
    void this.pump(client, service, 'up')
    void this.pump(service, client, 'down')
  }

  reset(): void {
    this.client.resetAndDestroy()
    this.service.resetAndDestroy()
  }

  private end(): void {
    // A half-open connection is no fault of ours: when one side has ended, the other one is told.
    if (!this.faults().blackHole) {
      this.client.destroy()
      this.service.destroy()
    }
    if (this.client.destroyed && this.service.destroyed) this.onEnd()
  }

  private async pump(from: Socket, to: Socket, direction: Direction): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        for (const slice of slices(chunk, this.faults().sliceBytes)) await this.pass(slice, to, direction)
      }
      if (!this.faults().blackHole) to.end()
    } catch {
      this.reset()
    }
  }

  private async pass(slice: Buffer, to: Socket, direction: Direction): Promise<void> {
    const { latencyMs = 0, bytesPerSecond, cutAfter, blackHole } = this.faults()
    if (latencyMs > 0) await sleep(latencyMs)
    if (bytesPerSecond !== undefined) await sleep((slice.length / bytesPerSecond) * 1000)
    if (blackHole) return this.onSwallow(slice.length)
    const left = cutAfter?.direction === direction ? cutAfter.bytes - this.moved[direction] : Infinity
    this.moved[direction] += slice.length
    if (slice.length >= left) {
      to.write(slice.subarray(0, Math.max(0, left)), () => this.reset())
      return
    }
    if (!to.write(slice)) await once(to, 'drain')
  }
}

function* slices(chunk: Buffer, size = chunk.length): Generator<Buffer> {
  for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size)
}
