/** The button *Test connection* of the dialog. */
import type { NodeAPI } from 'node-red'
import { testCluster } from '../../src/kafka/cluster-test'
import { KAFKA_DRIVERS } from '../../src/kafka/drivers/drivers'
import { flowTopics } from '../../src/kafka/topics/flow-topics'
import { shownAddress } from '../../src/runtime/dialog-config'
import { addTestRoute } from '../../src/runtime/test-route'
import { options, readConnection } from './options'

export function addClusterTest(RED: NodeAPI): void {
  addTestRoute(RED, {
    type: 'tenant-kafka-cluster',
    options,
    addresses: ['brokers', 'tokenUrl'],
    transport: ['useTls', 'tls', 'sasl'],
    credentials: ['username', 'password'],
    unused: ({ sasl, useTls }) => [
      ...(sasl === 'none' ? ['username', 'password', 'passwordEnv', 'tokenUrl', 'tokenScope'] : []),
      ...(useTls === true ? [] : ['tls']),
    ],
    test: ({ values, credentials, given, tls, environment, flow, id }) =>
      testCluster({
        connection: readConnection(values, credentials, tls, environment),
        driver: (connection) => KAFKA_DRIVERS.kafkajs(connection, () => undefined),
        shown: (broker) => shownAddress(given['brokers'], broker),
        topics: flowTopics(flow, id),
      }),
  })
}
