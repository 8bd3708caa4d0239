/** A proxy before PostgreSQL that cuts a connection at its COMMIT: the client does not learn whether it succeeded. */
import { once } from 'node:events'
import net from 'node:net'

const MOVE = /update "public"."iot_ledger"/g
const COMMIT = 'commit\0'

export interface CuttingProxy {
  readonly url: string
  /** Cuts the next connection that commits after it has moved this many positions in one transaction. */
  cuts: number | undefined
  close(): void
}

/** @param reachesServer whether the COMMIT is let through before; the answer never is */
export async function cutAtCommit(databaseUrl: string, reachesServer: boolean): Promise<CuttingProxy> {
  const target = new URL(databaseUrl)
  const listener = net.createServer((client) => {
    const upstream = net.connect(Number(target.port), target.hostname)
    let cut = false
    let moves = 0
    client.on('error', () => undefined)
    upstream.on('error', () => undefined)
    client.on('close', () => upstream.end())
    upstream.on('close', () => client.destroy())
    client.on('data', (bytes) => {
      moves += bytes.toString('latin1').match(MOVE)?.length ?? 0
      if (bytes.includes(COMMIT)) {
        cut ||= moves === proxy.cuts
        moves = 0
      }
      if (cut) proxy.cuts = undefined
      if (!cut || reachesServer) upstream.write(bytes)
      else upstream.destroy()
    })
    upstream.on('data', (bytes) => {
      if (cut) client.destroy()
      else client.write(bytes)
    })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const url = new URL(databaseUrl)
  url.port = String((listener.address() as net.AddressInfo).port)
  const proxy: CuttingProxy = { url: url.href, cuts: undefined, close: () => listener.close() }
  return proxy
}
