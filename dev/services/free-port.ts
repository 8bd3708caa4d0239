/** TCP ports on the loopback interface. */
import { randomInt } from 'node:crypto'
import net from 'node:net'

/**
 * Below the ports that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere): one of those may
 * be free now and taken when the service that it was found for listens.
 */
const FIRST = 10_000
const END = 32_000
const ATTEMPTS = 50
/**
 * mocha's workers look for ports side by side, and one could find the port that another has been given and not yet
 * taken. Each looks among its own: those that leave its number as the remainder.
 */
const WORKERS = 4
const worker = Number(process.env['MOCHA_WORKER_ID'] ?? 0) % WORKERS
/** Found for a service that may not be listening yet. */
const given = new Set<number>()

/** A free port that this process has not been given before. */
export async function freePort(): Promise<number> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const port = randomInt(FIRST / WORKERS, END / WORKERS) * WORKERS + worker
    if (given.has(port) || !(await isPortFree(port))) continue
    given.add(port)
    return port
  }
  throw new Error(`no free port between ${FIRST} and ${END} in ${ATTEMPTS} attempts`)
}

/** @throws when something listens on that port already; the error says so */
export async function assertPortIsFree(port: number, wantedBy: string): Promise<void> {
  if (await isPortFree(port)) return
  throw new Error(`${wantedBy} needs port ${port}, and something listens there already: stop it first`)
}

/** @throws when the port cannot be listened on, unless because another process does */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false)
      else reject(error)
    })
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
