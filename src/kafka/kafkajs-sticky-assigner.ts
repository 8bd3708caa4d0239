/**
 * The sticky assignment as a kafkajs assigner. When it joins, each member says in its user data which partitions it
 * has had; the leader of the group assigns from that.
 */
import { AssignerProtocol, type PartitionAssigner } from 'kafkajs'
import type { TopicPartition } from './driver'
import { stickyAssignment, type GroupMember } from './sticky-assignment'

/** Members agree on an assigner by its name. */
const NAME = 'TenantPipelineSticky'
const VERSION = 0
const { MemberAssignment, MemberMetadata } = AssignerProtocol

/** @param owned what this member has at the moment it is asked */
export function stickyAssigner(owned: () => readonly TopicPartition[]): PartitionAssigner {
  return ({ cluster }) => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: MemberMetadata.encode({ version: VERSION, topics, userData: encodeOwned(owned()) }),
    }),
    assign: ({ members, topics }) => {
      const partitions = topics.flatMap((topic) =>
        cluster
          .findTopicPartitionMetadata(topic)
          .map(({ partitionId }) => ({ topic, partition: partitionId })),
      )
      const shares = stickyAssignment(
        members.map(({ memberId, memberMetadata }) => readMember(memberId, memberMetadata)),
        partitions,
      )
      return Promise.resolve(
        [...shares].map(([memberId, share]) => ({
          memberId,
          memberAssignment: MemberAssignment.encode({
            version: VERSION,
            assignment: byTopic(share),
            userData: NONE,
          }),
        })),
      )
    },
  })
}

const NONE = Buffer.alloc(0)

function readMember(id: string, metadata: Buffer): GroupMember {
  const { topics = [], userData = NONE } = MemberMetadata.decode(metadata) ?? {}
  return { id, topics, owned: decodeOwned(userData) }
}

/** JSON: topics with their partitions. */
function encodeOwned(owned: readonly TopicPartition[]): Buffer {
  return Buffer.from(JSON.stringify(byTopic(owned)))
}

/** Whatever a member says that is not understood counts as nothing: it only costs a move. */
export function decodeOwned(userData: Buffer): TopicPartition[] {
  try {
    return Object.entries(JSON.parse(userData.toString()) as Record<string, number[]>).flatMap(
      ([topic, partitions]) => partitions.map((partition) => ({ topic, partition })),
    )
  } catch {
    return []
  }
}

function byTopic(partitions: readonly TopicPartition[]): Record<string, number[]> {
  const topics = Object.create(null) as Record<string, number[]>
  for (const { topic, partition } of partitions) (topics[topic] ??= []).push(partition)
  return topics
}
