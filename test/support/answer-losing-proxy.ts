/** A TCP proxy that can lose answers: what a network does between a request that arrived and its answer. */
import net from 'node:net'

export class AnswerLosingProxy {
  private readonly pairs = new Set<readonly [net.Socket, net.Socket]>()
  private loseAnswers = false
  lost = 0

  private constructor(
    private readonly server: net.Server,
    readonly port: number,
  ) {}

  /** @param target the port to connect to, asked for at each connection */
  static async start(target: () => number): Promise<AnswerLosingProxy> {
    const server = net.createServer((client) => proxy.connect(client, target()))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const proxy = new AnswerLosingProxy(server, (server.address() as net.AddressInfo).port)
    return proxy
  }

  /** The next answer on each open connection is lost, and the connection with it. */
  loseNextAnswers(): void {
    this.loseAnswers = true
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const pair of this.pairs) for (const socket of pair) socket.destroy()
    await closed
  }

  private connect(client: net.Socket, target: number): void {
    const upstream = net.connect(target, '127.0.0.1')
    const pair = [client, upstream] as const
    this.pairs.add(pair)
    const end = (): void => {
      this.pairs.delete(pair)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of pair) socket.on('error', end).on('close', end).setNoDelay(true)
    client.on('data', (chunk) => upstream.write(chunk))
    upstream.on('data', (chunk) => {
      if (!this.loseAnswers) {
        client.write(chunk)
        return
      }
      this.loseAnswers = false
      this.lost++
      end()
    })
  }
}
