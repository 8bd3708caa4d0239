/**
 * The configuration node `tenant-kafka-cluster`: how to reach Kafka. Producers, consumers and dead letters that name
 * it share its `cluster`; it disconnects when the last of them has let go.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { tlsSettings } from '../../src/config/tls-settings'
import { KafkaCluster } from '../../src/kafka/cluster'
import { connectionWarnings } from '../../src/kafka/connection'
import { KAFKA_DRIVERS } from '../../src/kafka/drivers/drivers'
import { runConfigNode } from '../../src/runtime/run-node'
import { addTestRoute } from '../../src/runtime/test-route'
import type { ClusterNode } from '../../src/kafka/require-cluster'
import { readConnection, type ClusterCredentials } from './options'
import { addChooserRoutes } from './chooser-routes'
import { clusterTest } from './test-route'

interface KafkaClusterDef extends NodeDef {
  useTls?: boolean
  tls?: string
}

export = function (RED: NodeAPI): void {
  addTestRoute(RED, clusterTest)
  addChooserRoutes(RED)
  RED.nodes.registerType(
    'tenant-kafka-cluster',
    function (this: Node<ClusterCredentials> & ClusterNode, config: KafkaClusterDef) {
      RED.nodes.createNode(this, config)
      runConfigNode(this, ({ log, onClose }) => {
        const tls = config.useTls === true ? tlsSettings(RED, config.tls, log) : undefined
        if (tls !== undefined) onClose(() => tls.close())
        const environment = (name: string): unknown => RED.util.getSetting(this, name)
        const read = readConnection(config, this.credentials ?? {}, tls?.options(), environment)
        const connection = tls === undefined ? read : { ...read, renewTls: tls.options }
        const driver = KAFKA_DRIVERS.kafkajs(connection, (text) => log.note('KAFKA_CLIENT', text))
        const cluster = new KafkaCluster(connection, driver, ({ topic, partitions, replicas }) =>
          log.note('KAFKA_TOPIC_CREATED', `Kafka topic ${topic} was created`, {
            counts: { partitions, replicas },
          }),
        )
        this.cluster = cluster
        onClose(() => cluster.close())
        for (const warning of connectionWarnings(connection)) log.note('KAFKA_READABLE', warning)
      })
    },
    { credentials: { username: { type: 'text' }, password: { type: 'password' } } },
  )
}
