/** A wire to a server that a test can cut, as a network does: without a word to either side's application. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** How many connections have been made so far. */
  readonly connections: number
  cut(): void
  stop(): Promise<void>
}

/**
 * @param answer looks at the first bytes of a connection; what it returns is sent back, and the connection closed
 */
export async function startTcpProxy(
  targetPort: number,
  answer: (firstBytes: Buffer) => Buffer | undefined = () => undefined,
): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let connections = 0
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  }
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    connections++
    keep(client)
    client.once('data', (firstBytes) => {
      const refusal = answer(firstBytes)
      if (refusal !== undefined) {
        client.end(refusal)
        return
      }
      const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
      keep(target)
      target.write(firstBytes)
      client.pipe(target).pipe(client)
      // An end goes through in its place, so that what was written last still arrives.
    })
  })
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections
    },
    cut,
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}
