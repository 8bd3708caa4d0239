/**
 * Whether a kafkajs consumer still works as a member of its group. It reports neither of the ways in which it stops doing
 * so:
 *
 *  - It does nothing at all.
 *  - When the answer to joining again is lost, or is an error, it may continue as if it had joined: its heartbeats are
 *    good, and it fetches nothing. It fetches only when it has done with joining, so a fetch that begins before GROUP_JOIN
 *    tells. Or it continues to fetch as no member at all, when it was expelled before: it has no member id then, so it
 *    sends no heartbeat.
 */
import { PipelineError } from '../../../wire/errors'
import { phrase } from '../../../status/phrase'

/** A client that has done nothing at all for three session timeouts and this long is stuck. */
const STUCK_AFTER_MS = 30_000
/** A coordinator that has just taken over counts a session timeout of its own; after it no membership is left. */
const EXPELLED_AFTER_SESSIONS = 2

export class Liveness {
  /** kafkajs has begun to join again. */
  private isRejoining = false
  private activeAtMs: number
  /** When the coordinator last took us for a member. */
  private memberAtMs: number

  constructor(
    private readonly sessionTimeoutMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.activeAtMs = this.memberAtMs = now()
  }

  onRejoining(): void {
    this.activeAtMs = this.now()
    this.isRejoining = true
  }

  onJoined(): void {
    this.onHeartbeat()
    this.isRejoining = false
  }

  onHeartbeat(): void {
    this.activeAtMs = this.memberAtMs = this.now()
  }

  /** @returns the error of a client that fetches and is no member */
  onFetch(): PipelineError | undefined {
    this.activeAtMs = this.now()
    const isExpelled = this.activeAtMs - this.memberAtMs > EXPELLED_AFTER_SESSIONS * this.sessionTimeoutMs
    return this.isRejoining || isExpelled ? notJoined() : undefined
  }

  /** @returns the error of a client that does nothing */
  check(): PipelineError | undefined {
    const limitMs = 3 * this.sessionTimeoutMs + STUCK_AFTER_MS
    return this.now() - this.activeAtMs > limitMs ? stuck(limitMs) : undefined
  }
}

function stuck(afterMs: number): PipelineError {
  return new PipelineError(
    'KAFKA_CONSUMER_STUCK',
    `The Kafka client did nothing for ${Math.round(afterMs / 1000)} s; it is restarted`,
    { retryable: true, status: phrase('kafka', { problem: phrase('kafkaClientStuck') }) },
  )
}

function notJoined(): PipelineError {
  return new PipelineError(
    'KAFKA_NOT_JOINED',
    'The consumer group did not take us in again, or did not say which partitions are ours; the Kafka client is restarted',
    { retryable: true, status: phrase('kafka', { problem: phrase('kafkaNotJoinedAgain') }) },
  )
}
