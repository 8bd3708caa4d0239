/**
 * `KafkaConsumer` with kafkajs: keeps a session alive for ever. kafkajs gives up on some errors and then stays
 * dead; here every end of a session is followed by a new one, after a back-off, until `close`.
 */
import { backoffMs } from '../../../time/backoff'
import type { PipelineError } from '../../../wire/errors'
import { isNewlyDone, REFUSED, type OwnedPartition } from '../../group/assigned-partitions'
import { BatchBudget } from '../../group/batch-budget'
import { partitionKey } from '../../topic-partition'
import type { KafkaConnection } from '../../connection'
import type { ConsumerOptions, KafkaConsumer, OffsetRange, TopicPartition } from '../../driver'
import { FirstStarts } from '../../group/first-starts'
import { createKafkaJsClient, type KafkaLog } from './client'
import { translateKafkaError } from './errors'
import { KafkaJsSession } from './session'
import { notStopped } from '../../group/start-position'

const SESSION_BACKOFF = { initialMs: 500, maxMs: 5_000 }
const REFRESH_MS = 30_000
/** The other topics and partitions are read meanwhile. */
const OF_SOME = ['KAFKA_FORBIDDEN', 'KAFKA_NO_LEADER', 'KAFKA_UNKNOWN_TOPIC', 'KAFKA_UNREAD']

export class KafkaJsConsumer implements KafkaConsumer {
  private readonly past = new Map<string, OwnedPartition>()
  private readonly budget = new BatchBudget()
  private excluded = ''
  private readonly firstStarts = new FirstStarts()
  private readonly problems = new Map<string, PipelineError>()
  /** What was told last: of those that concern all partitions, and of the others. */
  private problem: PipelineError | undefined
  private impairment: PipelineError | undefined
  private session: KafkaJsSession | undefined
  private supervision: Promise<void> | undefined
  private isClosed = false
  private wake: () => void = () => undefined

  /** @param refreshMs how often new topics and partitions are looked for */
  constructor(
    private readonly connection: KafkaConnection,
    private readonly options: ConsumerOptions,
    private readonly log: KafkaLog,
    private readonly refreshMs = REFRESH_MS,
  ) {}

  start(): void {
    this.supervision ??= this.supervise()
  }

  async commit(partition: TopicPartition, nextOffset: number): Promise<void> {
    const former = this.past.get(partitionKey(partition))
    if (former !== undefined && isNewlyDone(former, nextOffset)) former.doneTo = nextOffset
    await this.session?.commit(partition, nextOffset)
  }

  async release(
    partition: TopicPartition,
    offset: number,
    prepare: (range: OffsetRange) => Promise<void>,
  ): Promise<void> {
    if (this.session === undefined) throw notStopped(partition)
    await this.session.release(partition, offset, prepare)
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.wake()
    await this.session?.close()
    await this.supervision
  }

  private async supervise(): Promise<void> {
    for (let attempt = 1; !this.isClosed; attempt++) {
      let session: KafkaJsSession | undefined
      let failed = false
      try {
        session = this.createSession()
        await session.run()
      } catch (error) {
        failed = true
        if (!this.isClosed) this.setProblem('connection', this.translate(error))
      }
      await session?.close()
      if (session?.hasJoined === true) attempt = 1
      if (failed && !this.isClosed) await this.pause(backoffMs(attempt, SESSION_BACKOFF))
    }
  }

  private createSession(): KafkaJsSession {
    this.session = new KafkaJsSession({
      // kafkajs keeps the committed offsets of a group in the client, where two consumers of one group would
      // overwrite each other's, so each session has a client of its own.
      client: createKafkaJsClient(this.connection, this.log),
      consumer: this.options,
      past: this.past,
      budget: this.budget,
      firstStarts: this.firstStarts,
      translate: (error) => this.translate(error),
      refreshMs: this.refreshMs,
      onProblem: (part, problem) => this.setProblem(part, problem),
      onExcluded: (topics) => this.noteExcluded(topics),
    })
    return this.session
  }

  private translate(error: unknown): PipelineError {
    return translateKafkaError(error, `reading from Kafka as group ${this.options.groupId}`)
  }

  private setProblem(part: string, problem: PipelineError | undefined): void {
    const before = this.problems.get(part)
    if (before?.message === problem?.message) return
    if (problem === undefined) this.problems.delete(part)
    else this.problems.set(part, problem)
    const all = [...this.problems]
    const concernsSome = all.find((each) => isOfSome(...each))?.[1]
    const concernsAll = all.find((each) => !isOfSome(...each))?.[1]
    if (concernsAll !== this.problem) this.options.onState((this.problem = concernsAll))
    if (concernsSome !== this.impairment) this.options.onImpaired((this.impairment = concernsSome))
  }

  private noteExcluded(topics: readonly string[]): void {
    const names = topics.join()
    if (names !== this.excluded && names !== '') this.options.onExcluded?.(topics)
    this.excluded = names
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.isClosed) this.wake()
    })
  }
}

function isOfSome(part: string, { code }: PipelineError): boolean {
  if (part === REFUSED) return true
  return part !== 'connection' && part !== 'commit' && OF_SOME.includes(code)
}
