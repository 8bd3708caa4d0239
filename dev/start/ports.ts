/** Looks before anything is started whether the standard ports are free, and says what to do when one is not. */
import { isPortFree } from '../services/free-port'
import type { StartOptions } from './options'

interface WantedPort {
  readonly service: string
  readonly port: number
  readonly option: string
  /** Environment variable with the address of a running service to use instead of ours. */
  readonly variable?: string
}

/** @throws Error with a sentence for each port that is taken */
export async function assertPortsAreFree(options: StartOptions, env = process.env): Promise<void> {
  const wanted: WantedPort[] = [
    { service: 'the Node-RED editor', port: options.port, option: '--port' },
    { service: 'MQTT', port: options.mqttPort, option: '--mqtt-port', variable: 'MQTT_URL' },
    { service: 'Kafka', port: options.kafkaPort, option: '--kafka-port', variable: 'KAFKA_BROKERS' },
    {
      service: 'PostgreSQL',
      port: options.databasePort,
      option: '--database-port',
      variable: 'DATABASE_URL',
    },
  ]
  const complaints: string[] = []
  for (const { service, port, option, variable } of wanted) {
    if (variable !== undefined && env[variable]) continue
    if (await isPortFree(port)) continue
    const useIt = variable === undefined ? '' : `, or use what runs there by setting ${variable}`
    complaints.push(
      `Port ${port} (${service}) is taken by another program. Stop it, choose another port with ` +
        `npm start -- ${option} ${port + 1}${useIt}.`,
    )
  }
  if (complaints.length > 0) throw new Error(complaints.join('\n'))
}
