/**
 * An MQTT broker for `npm start` and the tests: the one that `MQTT_URL` names, or aedes in this process. aedes
 * 2.0 speaks MQTT 3.1.1 and 5 with sessions, session expiry and user properties, but keeps everything in memory
 * and ignores the receive maximum of its clients; tests about these use Mosquitto.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Service } from './service'

const DEFAULT_PORT = 1883

export interface MqttOptions {
  /** Without it any free port. */
  readonly port?: number
  /** Subscribes to another filter than the client asked for, as brokers do that rewrite topics. */
  readonly rewrite?: (filter: string) => string
}

export async function startMqtt(options: MqttOptions = {}): Promise<Service> {
  const url = process.env['MQTT_URL']
  return url === undefined || url === '' ? startAedes(options) : useMqtt(url)
}

function useMqtt(url: string): Service {
  const { hostname, port } = new URL(url)
  return {
    address: url,
    uses: `MQTT broker at ${hostname}:${port === '' ? DEFAULT_PORT : port} (MQTT_URL)`,
    stop: () => Promise.resolve(),
  }
}

/** Always a broker of our own, also when `MQTT_URL` is set. */
export async function startAedes({ port = 0, rewrite }: MqttOptions = {}): Promise<Service> {
  const { Aedes } = await import('aedes')
  const broker = await Aedes.createBroker()
  if (rewrite !== undefined)
    broker.authorizeSubscribe = (_client, subscription, answer) =>
      // In place: the session remembers the same object.
      answer(null, Object.assign(subscription, { topic: rewrite(subscription.topic) }))
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    broker.handle(socket)
  })
  await listen(server, port)
  const { port: taken } = server.address() as AddressInfo
  return {
    address: `mqtt://127.0.0.1:${taken}`,
    uses: 'aedes 2.0 (in this process, MQTT 3.1.1 and 5, sessions in memory)',
    stop: async () => {
      await new Promise<void>((resolve) => broker.close(resolve))
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE'
      const sentence = `the MQTT broker needs port ${port}, and something listens there already: stop it first`
      reject(taken ? new Error(sentence, { cause: error }) : error)
    })
    server.listen(port, '127.0.0.1', resolve)
  })
}
