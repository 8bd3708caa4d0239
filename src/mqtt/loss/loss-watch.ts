/**
 * What a source can know about messages which its broker drops because their queue is full: an estimate before it
 * happens, and the broker's own count afterwards, each as a sentence.
 */
import { shownNumber } from '../../status/shown-number'
import { PipelineError } from '../../wire/errors'
import { BrokerQueue, type QueueForecast, type Traffic } from './broker-queue'
import type { BrokerSettings, BrokerUrl } from '../connect/broker-settings'
import type { SessionMemory } from './client-ids'
import type { Drops } from './drop-counter'
import { dropWatches, type Following } from './drop-watch'
import { phrase, type Phrase, type PlainKey } from '../../status/phrase'

/** A flow that stands for a moment is not worth a line in the log. */
const WARN_AFTER_MS = 10_000
/** The broker tells its count every 10 s; the log gets it less often. */
const LOG_INTERVAL_MS = 60_000
/** So late the count may tell of a time in which nothing was read. */
const COUNT_DELAY_MS = 30_000

export class LossWatch {
  private readonly queue: BrokerQueue
  private host: string | undefined
  private following: Following | undefined
  private warned: QueueForecast['kind'] | undefined
  private stoppedAtMs = -Infinity
  private nowMs: number
  /** Why the flow takes nothing, as far as the source knows. */
  private holdUp: string | undefined
  private dropped = 0
  private droppedSince: Date | undefined
  private counted: PipelineError | undefined
  private logged: PipelineError | undefined
  private loggedAtMs = -Infinity
  private estimated: PipelineError | undefined

  /** @param report for what a person should read in the log */
  constructor(
    private readonly broker: BrokerSettings,
    startedAtMs: number,
    private readonly report: (event: PipelineError) => void,
  ) {
    this.nowMs = startedAtMs
    this.queue = new BrokerQueue(broker.queueMessages, startedAtMs)
  }

  /** While nothing is read. */
  get forecast(): QueueForecast | undefined {
    return this.queue.forecast
  }

  /** The loss that has to stay visible: the broker's count, or the estimate when this broker does not count. */
  get reported(): PipelineError | undefined {
    if (this.counted !== undefined) return this.counted
    return this.following?.watched === true ? undefined : this.estimated
  }

  /** The session is ours now. What an earlier source has learned of its queue counts. */
  claimed(memory: SessionMemory): void {
    if (memory.queue !== undefined) this.queue.takeOver(memory.queue)
    memory.queue = this.queue
  }

  /** The session stands at this broker, so its count is of interest. */
  connectedTo(host: string): void {
    if (this.host === host) return
    this.host = host
    this.following?.stop()
    const url = this.broker.urls.find((candidate) => candidate.host === host) as BrokerUrl
    this.following = dropWatches.follow(url, this.broker, {
      onDrops: (drops) => this.onDrops(drops, host),
      onUnwatched: () => this.report(unwatched(host)),
    })
  }

  /** Call it about once a second; see `BrokerQueue.observe`. */
  observe(nowMs: number, traffic: Traffic & { readonly holdUp?: string | undefined }): void {
    this.nowMs = nowMs
    this.holdUp = traffic.holdUp
    this.queue.observe(nowMs, traffic)
    const stoppedMs = this.queue.stoppedMs(nowMs)
    if (stoppedMs > 0 || this.queue.silentMs(nowMs) >= WARN_AFTER_MS) this.stoppedAtMs = nowMs
    this.warnOfQueue(stoppedMs)
    this.logCounted()
  }

  stop(): void {
    this.following?.stop()
  }

  /** The session is given up; see `BrokerQueue.leave`. */
  leave(arrived: number, unacknowledged: number): void {
    this.queue.leave(arrived, unacknowledged)
  }

  private warnOfQueue(stoppedMs: number): void {
    const { forecast } = this
    if (forecast === undefined) {
      this.warned = undefined
    } else if (forecast.kind === 'full') {
      if (this.warned === 'full') return
      this.warned = 'full'
      this.estimated = this.queueFull(new Date(Date.now() - (this.nowMs - forecast.sinceMs)))
      this.report(this.estimated)
    } else if (this.warned === undefined) {
      if (stoppedMs < WARN_AFTER_MS && forecast.secondsLeft * 1000 > WARN_AFTER_MS) return
      this.warned = 'filling'
      this.report(this.queueFilling(stoppedMs, forecast.secondsLeft))
    }
  }

  private onDrops({ count, earlier }: Drops, host: string): void {
    if (earlier) return this.report(droppedBefore(host, count))
    this.dropped += count
    this.droppedSince ??= new Date()
    this.counted = this.droppedError(host, this.droppedSince)
    this.logCounted()
  }

  private logCounted(): void {
    const { counted } = this
    if (counted === undefined || counted === this.logged) return
    if (this.nowMs - this.loggedAtMs < LOG_INTERVAL_MS) return
    this.logged = counted
    this.loggedAtMs = this.nowMs
    this.report(counted)
  }

  private droppedError(host: string, since: Date): PipelineError {
    const stood = this.nowMs - this.stoppedAtMs < COUNT_DELAY_MS
    const whose = stood
      ? 'the flow took nothing from this source, so they are probably its own'
      : 'the flow took messages from this source, so they belong to another client or came faster than it takes them'
    return event(
      'MQTT_DROPPED',
      `possible loss: the MQTT broker at ${host} has dropped ${shownNumber(this.dropped)} messages since ` +
        `${since.toISOString()}, because a queue was full. It counts for all of its clients together; ${whose}. ` +
        'Give it a longer queue for each client',
      phrase('brokerDropped', { number: this.dropped, time: time(since) }),
    )
  }

  private queueFilling(stoppedMs: number, secondsLeft: number): PipelineError {
    const { queueMessages } = this.broker
    return event(
      'MQTT_QUEUE_FILLING',
      `the flow has taken nothing for ${Math.round(stoppedMs / 1000)} s. At ${this.rate} messages/s the MQTT broker's ` +
        `queue for this client (${shownNumber(queueMessages)} messages, as the broker's configuration here says) is full ` +
        `in about ${Math.round(secondsLeft)} s; then it drops messages. Fix what holds up the flow${this.because}, or give ` +
        'the broker a longer queue',
      'queueFilling',
    )
  }

  private queueFull(since: Date): PipelineError {
    return event(
      'MQTT_QUEUE_FULL',
      `possible loss: at ${this.rate} messages/s, as it was before the flow stopped, the MQTT broker's queue for this ` +
        `client (${shownNumber(this.broker.queueMessages)} messages) is full since ${since.toISOString()}, and it drops ` +
        `what is published. Fix what holds up the flow${this.because}`,
      phrase('queueFullAt', { time: time(since) }),
    )
  }

  private get because(): string {
    return this.holdUp === undefined ? '' : ` (${this.holdUp})`
  }

  private get rate(): string {
    const { perSecond } = this.queue
    return perSecond < 10 ? perSecond.toFixed(1) : shownNumber(Math.round(perSecond))
  }
}

function droppedBefore(host: string, count: number): PipelineError {
  return event(
    'MQTT_DROPPED_EARLIER',
    `the MQTT broker at ${host} has dropped ${shownNumber(count)} messages of its clients between its start and now, ` +
      'because a queue was full. If Node-RED was away in that time, some may have been for it',
    'brokerHasDropped',
  )
}

function unwatched(host: string): PipelineError {
  return event(
    'MQTT_DROPS_UNKNOWN',
    `the MQTT broker at ${host} does not tell how many messages it drops ($SYS/broker/publish/messages/dropped): ` +
      'watch that with its own tools',
    'dropsUnwatched',
  )
}

function event(code: string, message: string, status: PlainKey | Phrase): PipelineError {
  return new PipelineError(code, message, { retryable: true, status })
}

function time(date: Date): string {
  return date.toISOString().slice(11, 19)
}
