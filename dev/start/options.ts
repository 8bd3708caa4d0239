/** The command line of `npm start`. */
import { parseArgs } from 'node:util'
import path from 'node:path'
import { DATA_FOLDER } from '../project'

export interface StartOptions {
  readonly help: boolean
  readonly simulator: boolean
  readonly rate: number
  readonly tenants: number
  readonly projects: number
  readonly devices: number
  readonly qos: 0 | 1 | 2
  readonly port: number
  readonly mqttPort: number
  readonly kafkaPort: number
  readonly databasePort: number
  readonly dataDir: string
}

export const HELP = `Usage: npm start -- [options]

Starts MQTT, Kafka, PostgreSQL, Node-RED with the example flow, and simulated devices.
Ctrl-C stops the devices, waits until their messages are stored, and prints the sum.

  --rate N            messages a second of all simulated devices together (500)
  --devices N         simulated devices in all (50)
  --tenants N         tenants they belong to (5)
  --projects N        projects of each tenant (2)
  --qos 0|1|2         of their messages (1); the promise begins at 1
  --no-simulator      no simulated devices

  --port N            of the editor (1880)
  --mqtt-port N       (1883)
  --kafka-port N      (9092)
  --database-port N   (5432)
  --data DIR          where data and the flow are kept (.data)
  --help

With these in the environment no service of ours is started in their place:
  MQTT_URL            mqtt://host:1883
  KAFKA_BROKERS       host:9092
  DATABASE_URL        postgres://user:password@host:5432/database`

/** @throws Error with a sentence for the terminal */
export function parseStartOptions(args: readonly string[]): StartOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rate: { type: 'string', default: '500' },
      devices: { type: 'string', default: '50' },
      tenants: { type: 'string', default: '5' },
      projects: { type: 'string', default: '2' },
      qos: { type: 'string', default: '1' },
      'no-simulator': { type: 'boolean', default: false },
      port: { type: 'string', default: '1880' },
      'mqtt-port': { type: 'string', default: '1883' },
      'kafka-port': { type: 'string', default: '9092' },
      'database-port': { type: 'string', default: '5432' },
      data: { type: 'string', default: DATA_FOLDER },
      help: { type: 'boolean', default: false },
    },
  })
  return {
    help: values.help,
    simulator: !values['no-simulator'],
    rate: wholeNumber('rate', values.rate, 1, 100_000),
    devices: wholeNumber('devices', values.devices, 1, 1_000_000),
    tenants: wholeNumber('tenants', values.tenants, 1, 100_000),
    projects: wholeNumber('projects', values.projects, 1, 100_000),
    qos: wholeNumber('qos', values.qos, 0, 2) as 0 | 1 | 2,
    port: wholeNumber('port', values.port, 1, 65_535),
    mqttPort: wholeNumber('mqtt-port', values['mqtt-port'], 1, 65_535),
    kafkaPort: wholeNumber('kafka-port', values['kafka-port'], 1, 65_535),
    databasePort: wholeNumber('database-port', values['database-port'], 1, 65_535),
    dataDir: path.resolve(values.data),
  }
}

function wholeNumber(name: string, given: string, min: number, max: number): number {
  const value = Number(given)
  if (given !== '' && Number.isSafeInteger(value) && value >= min && value <= max) return value
  throw new Error(`--${name} is "${given}"; expected a whole number from ${min} to ${max}`)
}
