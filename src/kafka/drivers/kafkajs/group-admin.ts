/** What the members of a group ask Kafka, asked through kafkajs. */
import { AssignerProtocol, type Admin } from 'kafkajs'
import type { OffsetRange } from '../../driver'
import type { ByPartition, GroupAdmin, GroupShare, KnownTopic } from '../../group/group-admin'
import { EARLIEST } from '../../group/offset-lookup'

export class KafkaJsGroupAdmin implements GroupAdmin {
  constructor(
    private readonly admin: Admin,
    private readonly groupId: string,
  ) {}

  async topics(): Promise<readonly KnownTopic[]> {
    return (await this.admin.fetchTopicMetadata()).topics
  }

  async members(): Promise<readonly GroupShare[] | undefined> {
    const { groups } = await this.admin.describeGroups([this.groupId])
    const [group] = groups
    if (group?.state !== 'Stable' || group.protocolType !== 'consumer') return undefined
    return group.members.map(({ memberMetadata, memberAssignment }) => ({
      topics: AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? [],
      assigned: Object.entries(
        AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {},
      ).flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition }))),
    }))
  }

  async committed(topic: string): Promise<ByPartition<number | undefined>> {
    const [answer] = await this.admin.fetchOffsets({ groupId: this.groupId, topics: [topic] })
    return new Map((answer?.partitions ?? []).map((it) => [it.partition, known(Number(it.offset))]))
  }

  async committedTopics(): Promise<ReadonlySet<string>> {
    const answer = await this.admin.fetchOffsets({ groupId: this.groupId })
    const committed = answer.filter(({ partitions }) =>
      partitions.some((it) => known(Number(it.offset)) !== undefined),
    )
    return new Set(committed.map(({ topic }) => topic))
  }

  async ranges(topic: string): Promise<ByPartition<OffsetRange>> {
    const answer = await this.admin.fetchTopicOffsets(topic)
    return new Map(answer.map((it) => [it.partition, { earliest: Number(it.low), latest: Number(it.high) }]))
  }

  async offsetsAt(topic: string, timestamp: number): Promise<ByPartition<number>> {
    const answer = await this.admin.fetchTopicOffsetsByTimestamp(topic, timestamp)
    return new Map(answer.map((it) => [it.partition, Number(it.offset)]))
  }
}

/** Kafka answers -1 where nothing is committed. */
function known(offset: number): number | undefined {
  return offset >= 0 || offset === EARLIEST ? offset : undefined
}
