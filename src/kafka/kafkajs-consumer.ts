/**
 * `KafkaConsumer` with kafkajs: keeps a session alive for ever. kafkajs gives up on some errors and then stays
 * dead; here every end of a session is followed by a new one, after a back-off, until `close`.
 */
import type { Kafka } from 'kafkajs'
import { backoffMs } from '../runtime/backoff'
import type { PipelineError } from '../runtime/errors'
import { partitionKey } from './commit-queue'
import type { ConsumerOptions, KafkaConsumer, TopicPartition } from './driver'
import { isNewlyDone, KafkaJsSession, type OwnedPartition } from './kafkajs-session'

const SESSION_BACKOFF = { initialMs: 500, maxMs: 5_000 }
const REFRESH_MS = 30_000

export interface KafkaJsConsumerOptions extends ConsumerOptions {
  /**
   * A client of its own for each session: kafkajs keeps the committed offsets of a group in the client, where two
   * consumers of one group overwrite each other's.
   */
  readonly createClient: () => Kafka
  /** Any error of kafkajs in words. */
  readonly translate: (error: unknown) => PipelineError
  /** How often new topics and partitions are looked for; 30 s. */
  readonly refreshMs?: number
}

export class KafkaJsConsumer implements KafkaConsumer {
  private readonly past = new Map<string, OwnedPartition>()
  private readonly problems = new Map<string, PipelineError>()
  private session: KafkaJsSession | undefined
  private supervision: Promise<void> | undefined
  private isClosed = false
  private wake: () => void = () => undefined

  constructor(private readonly options: KafkaJsConsumerOptions) {}

  start(): void {
    this.supervision ??= this.supervise()
  }

  async commit(partition: TopicPartition, nextOffset: number): Promise<void> {
    const former = this.past.get(partitionKey(partition.topic, partition.partition))
    if (former !== undefined && isNewlyDone(former, nextOffset)) former.doneTo = nextOffset
    await this.session?.commit(partition, nextOffset)
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.wake()
    await this.session?.close()
    await this.supervision
  }

  private async supervise(): Promise<void> {
    for (let attempt = 1; !this.isClosed; attempt++) {
      const session = this.createSession()
      let failed = false
      try {
        await session.run()
      } catch (error) {
        failed = true
        if (!this.isClosed) this.setProblem('connection', this.options.translate(error))
      }
      await session.close()
      if (session.hasJoined) attempt = 1
      if (failed && !this.isClosed) await this.pause(backoffMs(attempt, SESSION_BACKOFF))
    }
  }

  private createSession(): KafkaJsSession {
    const { createClient, translate, refreshMs = REFRESH_MS } = this.options
    this.session = new KafkaJsSession({
      client: createClient(),
      consumer: this.options,
      past: this.past,
      translate,
      refreshMs,
      onProblem: (part, problem) => this.setProblem(part, problem),
    })
    return this.session
  }

  private setProblem(part: string, problem: PipelineError | undefined): void {
    const before = this.problems.get(part)
    if (before?.message === problem?.message) return
    if (problem === undefined) this.problems.delete(part)
    else this.problems.set(part, problem)
    this.options.onState(this.problems.values().next().value)
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
