/** Opens what a configuration node leads to, and closes it after the work. */
import { clusterTest } from '../../nodes/tenant-kafka-cluster/test-route'
import { readConnection } from '../../nodes/tenant-kafka-cluster/options'
import { postgresTest } from '../../nodes/tenant-postgres/test-route'
import { readDatabase, type PostgresOptions } from '../../nodes/tenant-postgres/options'
import { tlsSettings } from '../../src/config/tls-settings'
import { KafkaCluster } from '../../src/kafka/cluster'
import type { KafkaConnection } from '../../src/kafka/connection'
import type { NewTopic } from '../../src/kafka/driver'
import { KAFKA_DRIVERS } from '../../src/kafka/drivers/drivers'
import { Database } from '../../src/postgres/connect/database'
import { completeConfig, type TestRoute } from '../../src/runtime/test-route'
import { PipelineError } from '../../src/wire/errors'
import type { ConfigEntry, ConfigType, Flow } from './flow'

const silent = { note: (): void => undefined }

/**
 * The one Kafka cluster of the flow.
 * @param onCreated hears of each topic that was created
 * @throws PipelineError what the work throws, or `CONFIG_INVALID`
 */
export async function withKafka<T>(
  flow: Flow,
  work: (cluster: KafkaCluster, entry: ConfigEntry) => Promise<T>,
  onCreated?: (topic: NewTopic) => void,
): Promise<T> {
  const entry = flow.one('tenant-kafka-cluster')
  const connection = settingsOf(flow, clusterTest, entry, readConnection)
  const cluster = new KafkaCluster(
    connection,
    KAFKA_DRIVERS.kafkajs(connection, () => undefined),
    onCreated,
  )
  try {
    return await work(cluster, entry)
  } finally {
    await cluster.close(0)
  }
}

export interface OpenPostgres {
  readonly database: Database
  readonly ledger: PostgresOptions['ledger']
}

/**
 * The one PostgreSQL configuration of the flow.
 * @param change settings that this work needs otherwise
 * @throws PipelineError what the work throws, or `CONFIG_INVALID`
 */
export async function withPostgres<T>(
  flow: Flow,
  work: (opened: OpenPostgres) => Promise<T>,
  change: Partial<Pick<PostgresOptions, 'statementTimeoutMs'>> = {},
): Promise<T> {
  const options = { ...settingsOf(flow, postgresTest, flow.one('tenant-postgres'), readDatabase), ...change }
  const database = new Database(options)
  try {
    return await work({ database, ledger: options.ledger })
  } finally {
    await database.close(0)
  }
}

type Read<S> = (
  values: object,
  credentials: Readonly<Record<string, unknown>>,
  tls: KafkaConnection['tls'],
  environment: (name: string) => unknown,
) => S

/** As the node reads them. An error does not quote what a variable holds. */
function settingsOf<S>(flow: Flow, route: TestRoute, entry: ConfigEntry, read: Read<S>): S {
  const credentials = flow.nodes.getCredentials(entry.id) as Readonly<Record<string, unknown>>
  const { config, environment } = completeConfig(flow, route, entry.id, { values: entry, credentials })
  const { values } = config
  try {
    const tls = tlsSettings(flow, typeof values['tls'] === 'string' ? values['tls'] : '', silent)
    const options = tls?.options()
    tls?.close()
    return read(values, config.credentials, options, environment)
  } catch (thrown) {
    if (!(thrown instanceof PipelineError)) throw thrown
    const type = route.type as ConfigType
    const reason = config.hasVariables ? thrown.statusText : thrown.message
    throw new PipelineError(thrown.code, `${type} "${entry.name || entry.id}": ${reason}`, {
      retryable: false,
    })
  }
}
