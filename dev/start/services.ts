/** Starts MQTT, Kafka and PostgreSQL side by side, and says how it goes. */
import path from 'node:path'
import { startKafka } from '../services/kafka'
import { startMqtt } from '../services/mqtt'
import { startPostgres } from '../services/postgres'
import type { Service } from '../services/service'
import type { StartOptions } from './options'
import type { Terminal } from './terminal'

export interface Services {
  readonly mqtt: Service
  readonly kafka: Service
  readonly database: Service
  stop(): Promise<void>
}

/** An address as it may be shown: the password of a server that is not ours is not. */
export function shownAddress(address: string, givenBy: string, env = process.env): string {
  return env[givenBy] === address ? address.replace(/(:\/\/[^/@:]*):[^/]*@/, '$1:***@') : address
}

/** When one does not start, the others are stopped before this throws. */
export async function startServices(options: StartOptions, terminal: Terminal): Promise<Services> {
  const { dataDir } = options
  const started: Service[] = []
  const start = async (name: string, starting: Promise<Service>): Promise<Service> => {
    terminal.line(`${name}: starting`)
    const service = await starting.catch((cause: Error) => {
      throw new Error(`${name} does not start: ${cause.message}`, { cause })
    })
    started.push(service)
    terminal.line(`${name}: ${service.uses}`)
    return service
  }
  const stop = async (): Promise<void> => {
    await Promise.allSettled(started.map((service) => service.stop()))
  }
  const starting = [
    start('MQTT', startMqtt({ port: options.mqttPort })),
    start('Kafka', startKafka({ port: options.kafkaPort, dataDir: path.join(dataDir, 'kafka') })),
    start(
      'PostgreSQL',
      startPostgres({ port: options.databasePort, dataDir: path.join(dataDir, 'postgres') }),
    ),
  ] as const
  await Promise.allSettled(starting)
  try {
    const [mqtt, kafka, database] = await Promise.all(starting)
    return { mqtt, kafka, database, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
