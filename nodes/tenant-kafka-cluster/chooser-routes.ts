/** What the dialogs of other nodes offer to choose from: topics and consumer groups of the cluster, as it is deployed. */
import type { NodeAPI } from 'node-red'
import { readOptions, text } from '../../src/config/options'
import { requireCluster, type ClusterNode } from '../../src/kafka/require-cluster'
import { addAdminRoute, type AdminRoute } from '../../src/runtime/admin-route'
import { KAFKA_INTERNAL } from '../../src/tenant/kafka-topic'

export interface TopicAnswer {
  readonly partitions: number
  readonly records: number
}

const named = { name: text({ required: true }) }

export function addChooserRoutes(RED: NodeAPI): void {
  const add = (action: string, answer: AdminRoute<ClusterNode>['answer']): void =>
    addAdminRoute<ClusterNode>(RED, { type: 'tenant-kafka-cluster', action, permission: 'read', answer })

  add('topics', async (node) => {
    const counts = [...(await requireCluster(node).admin.partitionCounts())]
    const topics = counts.filter(([name]) => !KAFKA_INTERNAL.has(name))
    return { topics: topics.map(([name, partitions]) => ({ name, partitions })) }
  })
  add('topics/one', async (node, body) => {
    const { admin } = requireCluster(node)
    const { name } = readOptions(named, body)
    const partitions = (await admin.partitionCounts()).get(name)
    // kafkajs would ask for a topic that is not there again and again.
    if (partitions === undefined) return { partitions: 0, records: 0 } satisfies TopicAnswer
    return { partitions, records: await admin.recordCount(name) } satisfies TopicAnswer
  })
  add('groups', async (node) => ({ groups: await requireCluster(node).admin.groupNames() }))
  add('groups/one', (node, body) => requireCluster(node).admin.describeGroup(readOptions(named, body).name))
}
