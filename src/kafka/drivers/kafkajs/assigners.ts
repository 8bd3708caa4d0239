/**
 * How the leader of a group shares the partitions, as kafkajs assigners. kafkajs' own round robin gives every member a
 * share of the topics that the leader has subscribed to; a member drops what it has not subscribed to, and what only
 * others read is given to none. Here the topics of all members are shared, each among those that read it.
 *
 * `sticky`: when it joins, each member says in its user data which partitions it has had, and keeps them when it can.
 */
import { AssignerProtocol, type PartitionAssigner } from 'kafkajs'
import type { Assigner, TopicPartition } from '../../driver'
import { stickyAssignment, type GroupMember } from '../../group/sticky-assignment'

/** Members agree on an assigner by its name; the round robin has kafkajs' own, for members that run an older version. */
const NAMES: Readonly<Record<Assigner, string>> = {
  'round-robin': 'RoundRobinAssigner',
  sticky: 'TenantPipelineSticky',
}
const VERSION = 0
const NONE = Buffer.alloc(0)
const { MemberAssignment, MemberMetadata } = AssignerProtocol

export interface AssignerOptions {
  /** What this member has at the moment it is asked. */
  readonly owned: () => readonly TopicPartition[]
  /** The partitions of topics which the leader may not have subscribed to; a topic that is not there has none. */
  readonly partitionsOf: (topics: readonly string[]) => Promise<readonly TopicPartition[]>
}

/**
 * @returns both: members with the one and the other find together while a setting is being changed
 * @param preferred the one that is used when all members agree
 */
export function groupAssigners(preferred: Assigner, options: AssignerOptions): PartitionAssigner[] {
  const other: Assigner = preferred === 'sticky' ? 'round-robin' : 'sticky'
  return [groupAssigner(preferred, options), groupAssigner(other, options)]
}

export function groupAssigner(kind: Assigner, { owned, partitionsOf }: AssignerOptions): PartitionAssigner {
  const isSticky = kind === 'sticky'
  const name = NAMES[kind]
  return ({ cluster }) => ({
    name,
    version: VERSION,
    protocol: ({ topics }) => ({
      name,
      metadata: MemberMetadata.encode({
        version: VERSION,
        topics,
        userData: isSticky ? encodeOwned(owned()) : NONE,
      }),
    }),
    assign: async ({ members: joined, topics }) => {
      const members = joined.map(({ memberId, memberMetadata }) => readMember(memberId, memberMetadata))
      // What kafkajs compares with later, to find partitions that are new to it, is its own metadata of our topics.
      const ours = topics.flatMap((topic) =>
        cluster
          .findTopicPartitionMetadata(topic)
          .map(({ partitionId }) => ({ topic, partition: partitionId })),
      )
      const others = new Set(members.flatMap((member) => member.topics).filter((it) => !topics.includes(it)))
      const theirs = others.size === 0 ? [] : await partitionsOf([...others])
      const shares = stickyAssignment(
        isSticky ? members : members.map((member) => ({ ...member, owned: [] })),
        [...ours, ...theirs],
      )
      return [...shares].map(([memberId, share]) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: VERSION,
          assignment: byTopic(share),
          userData: NONE,
        }),
      }))
    },
  })
}

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

/** Without a prototype, because names of topics come from outside. */
function byTopic(partitions: readonly TopicPartition[]): Record<string, number[]> {
  const topics = Object.create(null) as Record<string, number[]>
  for (const { topic, partition } of partitions) (topics[topic] ??= []).push(partition)
  return topics
}
