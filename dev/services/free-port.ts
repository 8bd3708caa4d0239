/** TCP ports on the loopback interface. */
import net from 'node:net'

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  return listenOnce(0)
}

/** @throws when something listens on that port already, in words */
export async function assertPortIsFree(port: number, wantedBy: string): Promise<void> {
  try {
    await listenOnce(port)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    throw new Error(`${wantedBy} needs port ${port}, and something listens there already: stop it first`, {
      cause,
    })
  }
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const { port: taken } = server.address() as net.AddressInfo
      server.close(() => resolve(taken))
    })
  })
}
