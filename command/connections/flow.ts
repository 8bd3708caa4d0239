/**
 * The configuration nodes that a command works with: those of a flow file, or one for each environment variable that the
 * examples use. It answers like Node-RED, so that settings are read by the code that the nodes use.
 */
import type { FlowEntry } from '../../src/runtime/subflows'
import type { FlowHost } from '../../src/runtime/test-route'
import { text } from '../../src/config/options'
import { usage } from '../arguments'
import type { Call } from '../command'
import { readCredentials, readJson, type Credentials } from './credentials'
import { tlsConfig } from './tls-config'

/** Of every command that connects to something. */
export const CONNECTION_OPTIONS = {
  flow: {
    reads: text(),
    value: 'FILE',
    what: 'a flow file of Node-RED, with its credentials beside it; without one MQTT_URL, KAFKA_BROKERS and DATABASE_URL count',
  },
  node: {
    reads: 'list',
    value: 'NAME',
    what: 'name or id of a configuration node, when the flow has several of a kind',
  },
  'secret-file': {
    reads: text(),
    value: 'FILE',
    what: 'holds the credentialSecret of settings.js; otherwise NODE_RED_CREDENTIAL_SECRET does, or the secret that Node-RED has made',
  },
} as const

export interface ConnectionValues {
  readonly flow: string
  readonly node: readonly string[]
  readonly 'secret-file': string
}

export type ConfigType = 'tenant-mqtt-broker' | 'tenant-kafka-cluster' | 'tenant-postgres'

/** An entry of the flow file. */
export interface ConfigEntry extends FlowEntry {
  readonly name?: string
  readonly d?: boolean
  readonly [property: string]: unknown
}

/** The variables that the examples use, and the node that each stands for. */
export const VARIABLES: readonly (readonly [variable: string, type: ConfigType, property: string])[] = [
  ['MQTT_URL', 'tenant-mqtt-broker', 'url'],
  ['KAFKA_BROKERS', 'tenant-kafka-cluster', 'brokers'],
  ['DATABASE_URL', 'tenant-postgres', 'url'],
]

export class Flow implements FlowHost {
  private constructor(
    readonly entries: readonly ConfigEntry[],
    private readonly credentials: Credentials,
    private readonly chosen: readonly string[],
    private readonly call: Pick<Call, 'environment' | 'outlet'>,
  ) {
    for (const secrets of Object.values(credentials))
      for (const [name, secret] of Object.entries(secrets)) {
        const isName = name === 'username' || name === 'user'
        if (typeof secret === 'string' && !isName) call.outlet.hide(this.resolved(secret))
      }
    for (const entry of entries)
      for (const [name, value] of Object.entries(entry)) {
        if (name === 'passwordEnv') call.outlet.hide(call.environment[String(value)] ?? '')
        else if (typeof value === 'string') this.hideAddress(value)
      }
  }

  /** @throws PipelineError `CONFIG_INVALID` for a file that cannot be read */
  static open(values: ConnectionValues, call: Pick<Call, 'environment' | 'outlet'>): Flow {
    const { flow: file, node: chosen, 'secret-file': secretFile } = values
    if (file === '') return new Flow(entriesOf(call.environment), {}, chosen, call)
    const found = readJson(file)
    // Node-RED's API hands flows out with a revision beside them.
    const entries = Array.isArray(found) ? found : (found as { readonly flows?: unknown }).flows
    if (!Array.isArray(entries)) throw usage(`${file} is no flow file: it is not a list of nodes`)
    const credentials = readCredentials(file, secretFile, call.environment)
    return new Flow(entries as ConfigEntry[], credentials, chosen, call)
  }

  readonly nodes = {
    eachNode: (callback: (entry: FlowEntry) => void): void => this.entries.forEach(callback),
    getNode: (id: string): unknown => {
      const entry = this.entries.find(
        (each) => each.id === id && each.type === 'tls-config' && each.d !== true,
      )
      if (entry === undefined) return null
      const values = Object.entries(entry).map(([name, value]) => [name, this.resolved(value)])
      return tlsConfig(Object.fromEntries(values) as ConfigEntry, this.credentials[id] ?? {})
    },
    getCredentials: (id: string): unknown => this.credentials[id] ?? {},
  }

  readonly util = { getSetting: (_node: unknown, name: string): unknown => this.call.environment[name] }

  /** The nodes of a type that are switched on, and that `--node` names when it names some of the type. */
  all(type: ConfigType): readonly ConfigEntry[] {
    const found = this.entries.filter((entry) => entry.type === type && entry.d !== true)
    const chosen = found.filter(({ id, name = '' }) => this.chosen.includes(id) || this.chosen.includes(name))
    return chosen.length > 0 ? chosen : found
  }

  /** @throws PipelineError `USAGE` when there is none, or no telling which */
  one(type: ConfigType): ConfigEntry {
    const [found, ...others] = this.all(type)
    if (found === undefined) {
      const variable = VARIABLES.find(([, of]) => of === type)?.[0]
      throw usage(`there is no ${type}: set ${variable}, or name a flow file that has one with --flow`)
    }
    if (others.length === 0) return found
    const names = [found, ...others].map(({ id, name = '' }) => (name === '' ? id : `"${name}"`))
    throw usage(`the flow has several of type ${type}; choose one with --node: ${names.join(', ')}`)
  }

  /** With the value of an environment variable in its place; one that is not set stays. */
  resolved<T>(value: T): T | string {
    const [, variable] = (typeof value === 'string' && /^\$\{(\S+)\}$/.exec(value)) || []
    return variable === undefined ? value : (this.call.environment[variable] ?? value)
  }

  /** @throws PipelineError `USAGE` for a name in `--node` that is in no flow */
  checkChosen(): void {
    const isThere = (wanted: string): boolean =>
      this.entries.some(({ id, name }) => id === wanted || name === wanted)
    if (!this.chosen.every(isThere)) throw usage('--node names a node that is not there')
  }

  private hideAddress(value: string): void {
    const address = this.resolved(value)
    if (address.includes('://')) this.call.outlet.hide(address)
  }
}

/** Besides the address every node has its defaults. */
function entriesOf(environment: Call['environment']): ConfigEntry[] {
  return VARIABLES.filter(([variable]) => (environment[variable] ?? '') !== '').map(
    ([variable, type, property]) => ({
      id: variable,
      type,
      name: variable,
      [property]: `\${${variable}}`,
      ...(type === 'tenant-mqtt-broker' && { clientId: environment['MQTT_CLIENT_ID'] || 'tenant-pipeline' }),
    }),
  )
}
