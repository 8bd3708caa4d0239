/** Asks the processes that are measured, through `probe.cjs` in each of them. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import path from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const PROBE = path.join(__dirname, 'probe.cjs')
const CONNECT_LIMIT_MS = 20_000
const POLL_MS = 20

/** What a process has used since its start; `maxRss` and `loopP99Ms` since the last reset. */
export interface Usage {
  readonly cpuMicros: number
  readonly rss: number
  readonly maxRss: number
  readonly loopP99Ms: number
  readonly produces: number
  readonly fetches: number
}

interface Line {
  readonly socket: Socket
  readonly lines: Interface
}

export class Probes {
  private readonly connected = new Map<string, Line>()
  private last = 0

  private constructor(
    private readonly server: Server,
    private readonly port: number,
  ) {
    server.on('connection', (socket) => {
      socket.on('error', () => undefined)
      const lines = createInterface({ input: socket })
      lines.once('line', (id: string) => this.connected.set(id, { socket, lines }))
    })
  }

  static async listen(): Promise<Probes> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Probes(server, (server.address() as AddressInfo).port)
  }

  /** For one process: the environment that loads the probe, and how it is asked. */
  add(kafka: string): Probe {
    const id = String(++this.last)
    const kafkaPort = kafka.split(':').at(-1)
    const env = {
      NODE_OPTIONS: `--require ${JSON.stringify(PROBE)}`,
      BENCH_PROBE: `${this.port}:${id}:${kafkaPort}`,
    }
    return { env, ask: (reset = false) => this.ask(id, reset) }
  }

  close(): void {
    for (const { socket } of this.connected.values()) socket.destroy()
    this.server.close()
  }

  private async ask(id: string, reset: boolean): Promise<Usage> {
    const giveUpAt = performance.now() + CONNECT_LIMIT_MS
    while (!this.connected.has(id)) {
      if (performance.now() > giveUpAt) throw new Error('a measured process does not answer its probe')
      await sleep(POLL_MS)
    }
    const { socket, lines } = this.connected.get(id)!
    const answer = new Promise<string>((resolve, reject) => {
      const ended = (): void => reject(new Error('a measured process has ended'))
      socket.once('close', ended)
      lines.once('line', (line: string) => {
        socket.off('close', ended)
        resolve(line)
      })
    })
    socket.write(reset ? 'reset\n' : 'read\n')
    return JSON.parse(await answer) as Usage
  }
}

export interface Probe {
  readonly env: Readonly<Record<string, string>>
  /** @param reset the largest memory and the event loop's delay are taken from now on */
  ask(reset?: boolean): Promise<Usage>
}
