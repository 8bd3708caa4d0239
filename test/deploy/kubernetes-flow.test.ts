/** The flow of deploy/kubernetes, with exactly the permissions that its KafkaUser has, over TLS. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, ResourcePatternTypes } from 'kafkajs'
import { parseAllDocuments } from 'yaml'
import { NodeRed, type FlowEntry } from '../../dev/node-red'
import { freePort } from '../../dev/services/free-port'
import { startKafka } from '../../dev/services/kafka'
import { run } from '../../dev/services/run'
import { TestAuthority } from '../support/certificates'
import { readText, ROOT } from '../support/package'
import { startBusyBroker } from '../support/pipeline'
import { createTestDatabase } from '../support/postgres'
import { until } from '../support/until'

const USER = 'node-red'
const PASSWORD = 'canary-password'

interface Acl {
  readonly resource: { readonly type: string; readonly name?: string; readonly patternType?: string }
  readonly operations: readonly string[]
}

const upper = (name: string): string => name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()

describe('the flow for Kubernetes', function () {
  this.timeout(240_000)
  const releases: (() => unknown)[] = []
  after(async () => {
    for (const release of releases.reverse()) await release()
  })

  it('works with the topics and permissions that base/ gives it', async () => {
    const authority = new TestAuthority()
    releases.push(() => authority.remove())
    const properties = {
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
      'scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': authority.issue({ name: 'broker' }).bothFile,
    }
    const kafka = await startKafka({
      listeners: [{ name: 'TLS', protocol: 'SASL_SSL', properties }],
      scramUsers: [{ mechanism: 'SCRAM-SHA-512', name: USER, password: PASSWORD }],
      properties: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
      },
    })
    releases.push(() => kafka.stop())
    await prepare(kafka.address)
    const [mosquitto, database] = [await startBusyBroker(), await createTestDatabase()]
    releases.push(() => mosquitto.stop())
    releases.push(() => database.drop())

    const userDir = mkdtempSync(path.join(tmpdir(), 'tenant-kubernetes-'))
    releases.push(() => rmSync(userDir, { recursive: true, force: true }))
    const flow = readText('deploy/kubernetes/base/flows.json').replace(
      '/etc/kafka-ca/ca.crt',
      authority.certFile,
    )
    writeFileSync(path.join(userDir, 'flows_cred.json'), readText('deploy/kubernetes/base/flows_cred.json'))
    const env = { MQTT_URL: mosquitto.address, DATABASE_URL: database.url, KAFKA_PASSWORD: PASSWORD }
    const nodeRed = await NodeRed.start({
      ...{ userDir, port: await freePort(), flow: JSON.parse(flow) as FlowEntry[] },
      env: { ...env, KAFKA_BROKERS: kafka.addressOf('TLS'), MQTT_CLIENT_ID: 'node-red-0' },
    })
    releases.push(() => nodeRed.stop())
    const shown = (): string => `${JSON.stringify([...nodeRed.statuses.values()])}\n${nodeRed.logTail()}`
    await until(
      () => `every status is green: ${shown()}`,
      () =>
        nodeRed.statuses.size > 0 &&
        [...nodeRed.statuses.values()].every(({ fill }) => fill !== 'red' && fill !== 'yellow'),
    )
    const message = [
      'deploy/scripts/send-message.cjs',
      'mtic/msg/client/realtime/verify/verify/{id}',
      'iot_messages',
      '60',
    ]
    const sent = await run(
      'env',
      [...Object.entries(env).map((each) => each.join('=')), 'node', ...message],
      ROOT,
    )
    assert.ok(sent.ok, sent.output + shown())
  })
})

/** What Strimzi would make of base/. */
async function prepare(address: string): Promise<void> {
  const admin = new Kafka({ brokers: [address] }).admin()
  await admin.connect()
  const read = (file: string): { kind: string; metadata: { name: string }; spec: object }[] =>
    parseAllDocuments(readText(`deploy/kubernetes/base/${file}`)).map(
      (document) => document.toJSON() as never,
    )
  const topics = read('topics.yaml').map(({ metadata, spec }) => {
    const { partitions, config } = spec as { partitions: number; config: Record<string, string | number> }
    const configEntries = Object.entries({ ...config, 'min.insync.replicas': 1 }).map(([name, value]) => ({
      name,
      value: String(value),
    }))
    return { topic: metadata.name, numPartitions: partitions, replicationFactor: 1, configEntries }
  })
  await admin.createTopics({ topics, waitForLeaders: true })
  const user = read('kafka-user.yaml').find(({ metadata }) => metadata.name === USER)
  const { acls } = (user?.spec as { authorization: { acls: Acl[] } }).authorization
  await admin.createAcls({
    acl: acls.flatMap(({ resource, operations }) =>
      operations.map((operation) => ({
        resourceType: AclResourceTypes[upper(resource.type) as 'TOPIC'],
        resourceName: resource.name ?? 'kafka-cluster',
        resourcePatternType: ResourcePatternTypes[resource.patternType === 'prefix' ? 'PREFIXED' : 'LITERAL'],
        principal: `User:${USER}`,
        host: '*',
        operation: AclOperationTypes[upper(operation) as 'READ'],
        permissionType: AclPermissionTypes.ALLOW,
      })),
    ),
  })
  await admin.disconnect()
}
