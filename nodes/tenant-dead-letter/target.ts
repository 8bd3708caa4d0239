/** From the node's configuration to the place where its dead letters go. */
import { KafkaDeadLetterTarget } from '../../src/kafka/dead-letters/dead-letter-target'
import { TableDeadLetterTarget } from '../../src/postgres/dead-letters/dead-letter-target'
import { readOptions, type OptionValues } from '../../src/config/options'
import type { DeadLetterTarget } from '../../src/dead-letters/dead-letter-queue'
import { requireCluster } from '../../src/kafka/require-cluster'
import { requirePostgres } from '../../src/postgres/require-postgres'
import { options } from './options'

export interface DeadLetterDef {
  readonly cluster?: string
  readonly database?: string
}

export interface OpenTarget extends DeadLetterTarget {
  /** Resolves when the server has answered. */
  look(): Promise<unknown>
  /** Lets go of the connection it has used. */
  close(): Promise<void>
}

type Values = OptionValues<typeof options>

/**
 * @param nodeOf the running node of that id
 * @throws PipelineError `CONFIG_INVALID`
 */
export function openTarget(config: DeadLetterDef, nodeOf: (id: string) => unknown): OpenTarget {
  const values = readOptions(options, config)
  return values.target === 'kafka'
    ? openTopic(values, nodeOf(config.cluster ?? ''))
    : openTable(values, nodeOf(config.database ?? ''))
}

function openTopic(
  { topic, missingTopic, partitions, replicas, retentionMs }: Values,
  clusterNode: unknown,
): OpenTarget {
  const cluster = requireCluster(clusterNode)
  const target = new KafkaDeadLetterTarget(cluster, {
    topic,
    create: missingTopic === 'create' ? { partitions, replicas, retentionMs } : undefined,
  })
  const release = cluster.users.add()
  return {
    write: (letters) => target.write(letters),
    look: () => cluster.admin.clusterId(),
    close: () => target.close().finally(release),
  }
}

function openTable({ schema, table, createTable }: Values, databaseNode: unknown): OpenTarget {
  const { database } = requirePostgres(databaseNode)
  const target = new TableDeadLetterTarget(database, { schema, table }, { createTable })
  const release = database.users.add()
  return {
    write: (letters) => target.write(letters),
    look: () => database.look(),
    close: () => {
      release()
      return Promise.resolve()
    },
  }
}
