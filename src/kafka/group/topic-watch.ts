/**
 * What a session looks at from time to time, because the client does not report it: topics that have come or gone,
 * partitions that have no leader and so are not fetched from, and partitions that no member of the group reads.
 */
import { PipelineError } from '../../wire/errors'
import type { ConsumerOptions, TopicPartition, UnreadPartition } from '../driver'
import { noLeader } from '../error-verdicts'
import { listOf } from '../topic-partition'
import { selectTopics, type WantedTopic } from '../topic-selection'
import type { FirstStarts } from './first-starts'
import type { GroupAdmin, KnownTopic } from './group-admin'
import type { OffsetLookup } from './offset-lookup'
import { UnreadPartitions } from './unread-partitions'
import { phrase } from '../../status/phrase'

/** A rebalance after a change in the topics has had its time by then. */
const UNREAD_AFTER_REFRESHES = 2

export interface TopicWatchOptions {
  readonly admin: GroupAdmin
  readonly offsets: OffsetLookup
  readonly consumer: Pick<ConsumerOptions, 'groupId' | 'topics' | 'onUnread'>
  readonly refreshMs: number
  readonly firstStarts: FirstStarts
  readonly onProblem: (part: string, problem: PipelineError | undefined) => void
  /** These topics match a pattern, and are not read. Called repeatedly. */
  readonly onExcluded: (topics: readonly string[]) => void
  /** Some partition has a leader again. */
  readonly onLeaderFound: () => void
}

export class TopicWatch {
  private readonly unread: UnreadPartitions
  private topics: readonly string[] = []
  private leaderless: readonly TopicPartition[] = []

  constructor(private readonly options: TopicWatchOptions) {
    this.unread = new UnreadPartitions(UNREAD_AFTER_REFRESHES * options.refreshMs)
  }

  /** Topics to subscribe to. @throws PipelineError when none of the wanted ones exists */
  async choose(): Promise<readonly string[]> {
    const wanted = this.options.consumer.topics
    const known = await this.options.admin.topics()
    const { topics, missing, excluded } = selectTopics(wanted, namesOf(known))
    this.options.onExcluded(excluded)
    this.options.firstStarts.noteTopics(topics, missing)
    const problem = missing.length > 0 ? unknownTopics(missing) : undefined
    if (topics.length === 0) throw problem ?? noTopicMatches(wanted)
    this.topics = topics
    this.options.onProblem('topics', problem)
    this.checkLeaders(known)
    return topics
  }

  /** @returns whether other topics are to be subscribed to. Rejects while Kafka cannot be asked */
  async refresh(): Promise<boolean> {
    const known = await this.options.admin.topics()
    const { topics, excluded } = selectTopics(this.options.consumer.topics, namesOf(known))
    this.options.onExcluded(excluded)
    if (topics.join() !== this.topics.join()) return true
    this.checkLeaders(known)
    await this.checkUnread(partitionsIn(known, topics))
    return false
  }

  async partitionsOf(topics: readonly string[]): Promise<TopicPartition[]> {
    return partitionsIn(await this.options.admin.topics(), topics)
  }

  private checkLeaders(known: readonly KnownTopic[]): void {
    const before = this.leaderless.length
    this.leaderless = known
      .filter(({ name }) => this.topics.includes(name))
      .flatMap(({ name, partitions }) =>
        partitions
          .filter(({ leader }) => leader < 0)
          .map(({ partitionId }) => ({ topic: name, partition: partitionId })),
      )
    if (this.leaderless.length < before) this.options.onLeaderFound()
    const problem = this.leaderless.length === 0 ? undefined : noLeader(this.leaderless)
    this.options.onProblem('leaders', problem)
  }

  private async checkUnread(wanted: readonly TopicPartition[]): Promise<void> {
    const { consumer, onProblem } = this.options
    const members = await this.options.admin.members()
    if (members === undefined) return
    const unread = await Promise.all(this.unread.overdue(members, wanted).map((each) => this.withLag(each)))
    onProblem('unread', unread.length === 0 ? undefined : unreadPartitions(consumer.groupId, unread))
    consumer.onUnread(unread)
  }

  /** The lag of a partition that cannot be asked about is not known, and counts as none. */
  private async withLag(partition: TopicPartition): Promise<UnreadPartition> {
    const { offsets } = this.options
    try {
      const [committed, { earliest, latest }] = await Promise.all([
        offsets.committed(partition),
        offsets.range(partition),
      ])
      return { ...partition, lag: latest - Math.max(earliest, committed ?? earliest) }
    } catch {
      return { ...partition, lag: 0 }
    }
  }
}

function namesOf(known: readonly KnownTopic[]): string[] {
  return known.map(({ name }) => name)
}

function partitionsIn(known: readonly KnownTopic[], topics: readonly string[]): TopicPartition[] {
  return known
    .filter(({ name }) => topics.includes(name))
    .flatMap(({ name, partitions }) =>
      partitions.map(({ partitionId }) => ({ topic: name, partition: partitionId })),
    )
}

function unknownTopics(missing: readonly string[]): PipelineError {
  const names = missing.map((name) => `"${name}"`).join(', ')
  return new PipelineError(
    'KAFKA_UNKNOWN_TOPIC',
    `Kafka has no topic ${names}, or this user may not see it. Create it, correct the name, or give the permission ` +
      '(Kafka ACL); the consumer waits for it',
    {
      retryable: true,
      status: phrase('kafka', { problem: phrase('kafkaNoTopic', { topic: missing[0] ?? '' }) }),
    },
  )
}

function noTopicMatches(wanted: readonly WantedTopic[]): PipelineError {
  return new PipelineError(
    'KAFKA_UNKNOWN_TOPIC',
    `No Kafka topic matches ${wanted.map((want) => (typeof want === 'string' ? want : `/${want.source}/`)).join(', ')} yet; the consumer waits for one`,
    { retryable: true, status: phrase('kafka', { problem: phrase('kafkaNoTopicMatches') }) },
  )
}

function unreadPartitions(group: string, unread: readonly UnreadPartition[]): PipelineError {
  const lag = unread.reduce((sum, each) => sum + each.lag, 0)
  const [{ topic, partition } = { topic: '', partition: 0 }] = unread
  return new PipelineError(
    'KAFKA_UNREAD',
    `No member of group ${group} reads ${listOf(unread)}, where ${lag} records wait: the leader of the group ` +
      'has given them to none, or to a member that does not read their topic. It is another program, or an older ' +
      'version of this one. Give it a group of its own, or update it',
    { retryable: true, status: phrase('noReader', { partition: `${topic}/${partition}` }) },
  )
}

/** The leader of the group has given us what we do not read. */
export function notSubscribed(group: string, topics: readonly string[]): PipelineError {
  const names = topics.map((name) => `"${name}"`).join(', ')
  return new PipelineError(
    'KAFKA_UNREAD',
    `The leader of group ${group} has given this consumer partitions of ${names}, which it does not read: they are ` +
      'read by no member. The leader is another program, or an older version of this one. Give it a group of its ' +
      'own, or update it',
    { retryable: true, status: phrase('notReadHere', { topic: topics[0] ?? '' }) },
  )
}
