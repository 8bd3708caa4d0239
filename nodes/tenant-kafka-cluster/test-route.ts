/** The test of the button *Test connection* in the dialog, and of `doctor` on the command line. */
import { testCluster } from '../../src/kafka/cluster-test'
import { KAFKA_DRIVERS } from '../../src/kafka/drivers/drivers'
import { flowTopics } from '../../src/kafka/topics/flow-topics'
import { shownAddress } from '../../src/runtime/dialog-config'
import type { TestRoute } from '../../src/runtime/test-route'
import { options, readConnection } from './options'

export const clusterTest: TestRoute = {
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
}
