/**
 * The configuration node `tenant-kafka-cluster`: how to reach Kafka. Producers, consumers and dead letters that name
 * it share its `cluster`; it disconnects when the last of them has let go.
 */
import type { ConnectionOptions } from 'node:tls'
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { KafkaCluster } from '../../src/kafka/cluster'
import { connectionWarnings } from '../../src/kafka/connection'
import { KafkaJsDriver } from '../../src/kafka/kafkajs-driver'
import { asPipelineError, PipelineError } from '../../src/runtime/errors'
import { EventLog } from '../../src/runtime/event-log'
import type { KafkaClusterNode } from './cluster-node'
import { readConnection, type ClusterCredentials } from './options'

interface KafkaClusterDef extends NodeDef {
  useTls?: boolean
  tls?: string
}

/** Node-RED's own `tls-config` node. */
interface TlsNode {
  readonly valid?: boolean
  addTLSOptions?(options: ConnectionOptions): ConnectionOptions
}

export = function (RED: NodeAPI): void {
  RED.nodes.registerType(
    'tenant-kafka-cluster',
    function (this: Node<ClusterCredentials>, config: KafkaClusterDef) {
      RED.nodes.createNode(this, config)
      const node = this as Node<ClusterCredentials> & KafkaClusterNode
      const log = new EventLog(node)
      try {
        const tls = tlsOptions(RED, config)
        const connection = readConnection(config, node.credentials ?? {}, tls, (name) =>
          RED.util.getSetting(node, name),
        )
        const driver = new KafkaJsDriver(connection, (text) => log.note('KAFKA_CLIENT', text))
        node.cluster = new KafkaCluster(connection, driver, ({ topic, partitions, replicas }) =>
          log.note('KAFKA_TOPIC_CREATED', `Kafka topic ${topic} was created`, {
            counts: { partitions, replicas },
          }),
        )
        node.users = node.cluster.users
        for (const warning of connectionWarnings(connection)) log.note('KAFKA_LOGIN_UNSAFE', warning)
      } catch (error) {
        node.problem = asPipelineError(error)
        log.problem('CONFIG_REFUSED', node.problem)
      }
      node.on('close', (_removed: boolean, done: () => void) => {
        if (node.cluster === undefined) done()
        else void node.cluster.close().then(done, done)
      })
    },
    { credentials: { username: { type: 'text' }, password: { type: 'password' } } },
  )
}

function tlsOptions(RED: NodeAPI, { useTls, tls }: KafkaClusterDef): ConnectionOptions | undefined {
  if (useTls !== true || tls === undefined || tls === '') return undefined
  const node = RED.nodes.getNode(tls) as TlsNode | null
  if (node?.valid === true && node.addTLSOptions !== undefined) return node.addTLSOptions({})
  throw new PipelineError('CONFIG_INVALID', '"tls" names TLS settings that are missing or invalid', {
    retryable: false,
    statusText: 'check "tls"',
  })
}
