/**
 * `npm run kubernetes` writes the files of base/ that come from elsewhere in this repository, since Kustomize reads nothing
 * outside of its folder: the flow from example 08, the alerts and the metrics of brokers from ../monitoring. A test compares.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { format, resolveConfig } from 'prettier'
import { parse, stringify } from 'yaml'

const ROOT = path.resolve(__dirname, '../..')
const MONITORING = 'deploy/monitoring'
const EXAMPLE = 'examples/08 Shared subscription over two Node-REDs.json'
const TOPIC = 'iot-messages'
/** Where the StatefulSet mounts the certificate of Strimzi's authority. */
const KAFKA_CA = '/etc/kafka-ca/ca.crt'

export const GENERATED: Readonly<Record<string, () => string>> = {
  'flows.json': () => JSON.stringify(flow()),
  // A user name is no secret, and without credentialSecret the file is plain.
  'flows_cred.json': () => JSON.stringify({ [idOf('tenant-kafka-cluster')]: { username: 'node-red' } }),
  'kafka-jmx.yml': () => read(`${MONITORING}/kafka-jmx.yml`),
  'prometheus-rule.yaml': () => stringify(prometheusRule(), { lineWidth: 0 }),
}

export const fileOf = (name: string): string => path.join(__dirname, 'base', name)

/** Formatted as all files of this repository are. */
export async function textOf(name: string): Promise<string> {
  const build = GENERATED[name]
  if (build === undefined) throw new Error(`${name} is not generated`)
  const file = fileOf(name)
  return format(build(), { ...(await resolveConfig(file)), filepath: file })
}

interface Entry {
  readonly id: string
  readonly type: string
  readonly [property: string]: unknown
}

/** Example 08 with the topics and the user of this folder, over TLS, and with nothing left to create in Kafka. */
function flow(): Entry[] {
  const tls = { id: 'a3c5f1d27b9e4860', type: 'tls-config', name: 'Kafka', cert: '', key: '', ca: KAFKA_CA }
  const changes: Readonly<Record<string, object>> = {
    'tenant-kafka-cluster': {
      ...{ name: 'Kafka', clientId: 'tenant-pipeline', useTls: true, tls: tls.id },
      ...{ sasl: 'scram-sha-512', passwordEnv: 'KAFKA_PASSWORD' },
    },
    'tenant-mqtt-broker': { name: 'MQTT broker' },
    'tenant-postgres': { name: 'PostgreSQL' },
    'tenant-topic': { kafkaTopic: TOPIC },
    'tenant-kafka-producer': { name: `to ${TOPIC}`, missingTopic: 'wait' },
    'tenant-kafka-consumer': {
      name: `from ${TOPIC}`,
      topics: TOPIC,
      missingTopic: 'wait',
      group: 'tenant-pipeline',
    },
    'tenant-postgres-sink': {
      name: 'rows of iot_messages',
      table: 'iot_messages',
      ledgerName: 'tenant-pipeline',
    },
    tab: { label: 'Pipeline' },
  }
  const nodes = example()
    .filter(({ type }) => type !== 'comment')
    .map((entry) => {
      const topic = entry.type === 'tenant-dead-letter' && entry['target'] === 'kafka'
      return {
        ...entry,
        ...changes[entry.type],
        ...(topic && { topic: 'dead-letter-queue', missingTopic: 'wait' }),
      }
    })
  return [...nodes, { ...tls, certname: '', keyname: '', caname: '', servername: '', verifyservercert: true }]
}

function example(): Entry[] {
  return JSON.parse(read(EXAMPLE)) as Entry[]
}

function idOf(type: string): string {
  return example().find((entry) => entry.type === type)?.id ?? ''
}

/** All groups of all rule files, in one object for the Prometheus operator. */
function prometheusRule(): object {
  const files = readdirSync(path.join(ROOT, MONITORING, 'rules')).filter((file) => file.endsWith('.yml'))
  const groups = files
    .sort()
    .flatMap((file) => (parse(read(`${MONITORING}/rules/${file}`)) as { groups: object[] }).groups)
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'tenant-pipeline' },
    spec: { groups },
  }
}

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8')
}

async function main(): Promise<void> {
  for (const name of Object.keys(GENERATED)) writeFileSync(fileOf(name), await textOf(name))
}

if (require.main === module) void main()
