/**
 * The configuration node `tenant-kafka-cluster`: how to reach Kafka. Producers, consumers and dead letters that name
 * it share its `cluster`; it disconnects when the last of them has let go.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { KafkaCluster } from '../../src/kafka/cluster'
import { connectionWarnings } from '../../src/kafka/connection'
import { KAFKA_DRIVERS } from '../../src/kafka/drivers/drivers'
import { asPipelineError } from '../../src/wire/errors'
import { EventLog } from '../../src/log/event-log'
import { closeHandler } from '../../src/runtime/handlers'
import { tlsSettings, type TlsSettings } from '../../src/config/tls-settings'
import type { ClusterNode } from '../../src/kafka/require-cluster'
import { readConnection, type ClusterCredentials } from './options'

interface KafkaClusterDef extends NodeDef {
  useTls?: boolean
  tls?: string
}

export = function (RED: NodeAPI): void {
  RED.nodes.registerType(
    'tenant-kafka-cluster',
    function (this: Node<ClusterCredentials>, config: KafkaClusterDef) {
      RED.nodes.createNode(this, config)
      const node = this as Node<ClusterCredentials> & ClusterNode
      const log = new EventLog(node)
      let tls: TlsSettings | undefined
      try {
        tls = config.useTls === true ? tlsSettings(RED, config.tls, log) : undefined
        const environment = (name: string): unknown => RED.util.getSetting(node, name)
        const read = readConnection(config, node.credentials ?? {}, tls?.options(), environment)
        const connection = tls === undefined ? read : { ...read, renewTls: tls.options }
        const driver = KAFKA_DRIVERS.kafkajs(connection, (text) => log.note('KAFKA_CLIENT', text))
        node.cluster = new KafkaCluster(connection, driver, ({ topic, partitions, replicas }) =>
          log.note('KAFKA_TOPIC_CREATED', `Kafka topic ${topic} was created`, {
            counts: { partitions, replicas },
          }),
        )
        for (const warning of connectionWarnings(connection)) log.note('KAFKA_READABLE', warning)
      } catch (error) {
        node.problem = asPipelineError(error)
        log.problem('CONFIG_REFUSED', node.problem)
      }
      node.on(
        'close',
        closeHandler(log, () => {
          tls?.close()
          return node.cluster?.close()
        }),
      )
    },
    { credentials: { username: { type: 'text' }, password: { type: 'password' } } },
  )
}
