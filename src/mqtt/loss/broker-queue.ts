/**
 * How much the broker has probably queued for us: an estimate without sockets. A broker queues a limited number of messages
 * for a client (1,000 in Mosquitto), and drops the rest without a word, so a person must hear of it before.
 *
 * While messages flow the rate at which they come is learned. In a second in which nothing was read the queue grows
 * by that rate; whatever comes afterwards is taken off. The rate is learned again when the queue is empty.
 *
 * Nothing is read while our window is full. Nothing comes either when the broker's own limit of unacknowledged
 * messages is lower (20 in Mosquitto, for MQTT 3.1.1), and it does not announce that limit: messages are outstanding,
 * none is acknowledged, none comes. The same can be seen when devices have nothing to say, so the queue grows only
 * when too many are missing for chance; until then the silence counts as neither.
 */

/** What a source has seen of its session. Counts are since it started. */
export interface Traffic {
  /** Messages that the broker would have queued (no QoS 0). */
  readonly arrived: number
  readonly acknowledged: number
  /** Messages that the broker has no acknowledgement for. */
  readonly outstanding: number
  /** Whether the next packet would be read. */
  readonly reading: boolean
}

export type QueueForecast =
  | { readonly kind: 'filling'; readonly secondsLeft: number }
  /** More has been published than the queue takes. */
  | { readonly kind: 'full'; readonly sinceMs: number }

/** Shorter spans are added to the next one. */
const MIN_SPAN_MS = 900
/** The rate is a mean over about so long. */
const RATE_SPAN_MS = 60_000
/** Devices that send independently of each other miss this many in a row once in 20,000 times. */
const MISSING = 10

export class BrokerQueue {
  private rate = 0
  private learnedMs = 0
  private estimate = 0
  private observedAtMs: number
  private arrived = 0
  private acknowledged = 0
  /** Messages that come again after a new source has taken over. They are not from the queue. */
  private returning = 0
  private wasReading = false
  private stoppedAtMs: number | undefined
  private fullSinceMs: number | undefined

  /** @param limit messages that the broker queues for a client; 0: it has no limit */
  constructor(
    private readonly limit: number,
    startedAtMs: number,
  ) {
    this.observedAtMs = startedAtMs
  }

  /** Messages a second, before reading stopped. */
  get perSecond(): number {
    return this.rate
  }

  /** Messages that are probably queued. */
  get queued(): number {
    return Math.round(this.estimate)
  }

  /** How long nothing has been read; 0 while messages flow. */
  stoppedMs(nowMs: number): number {
    return this.stoppedAtMs === undefined ? 0 : nowMs - this.stoppedAtMs
  }

  /** How long nothing has come although something is outstanding, as long as that may be chance. */
  silentMs(nowMs: number): number {
    return this.stoppedAtMs === undefined ? nowMs - this.observedAtMs : 0
  }

  /** `undefined` while nothing gathers, while no rate is known, and for a broker without a limit. */
  get forecast(): QueueForecast | undefined {
    if (this.limit === 0 || this.stoppedAtMs === undefined || this.rate === 0) return undefined
    if (this.fullSinceMs !== undefined) return { kind: 'full', sinceMs: this.fullSinceMs }
    return { kind: 'filling', secondsLeft: (this.limit - this.estimate) / this.rate }
  }

  /** Continues from what an earlier source has learned of this session. Call it before anything has arrived. */
  takeOver(earlier: BrokerQueue): void {
    this.rate = earlier.rate
    this.learnedMs = earlier.learnedMs
    this.estimate = earlier.limit > 0 ? Math.min(earlier.estimate, earlier.limit) : earlier.estimate
    this.returning = earlier.returning
    this.stoppedAtMs = earlier.stoppedAtMs
    this.fullSinceMs = this.limit === earlier.limit ? earlier.fullSinceMs : undefined
    // Nothing was read between that source and this one.
    this.observedAtMs = earlier.observedAtMs
    this.wasReading = false
  }

  /**
   * The source ends, and another may take over.
   * @param arrived as in `Traffic`
   * @param unacknowledged messages that the broker will send to it again
   */
  leave(arrived: number, unacknowledged: number): void {
    this.returning = Math.max(0, this.returning - (arrived - this.arrived)) + unacknowledged
    this.arrived = arrived
  }

  /** Call it about once a second. */
  observe(nowMs: number, { arrived, acknowledged, outstanding, reading }: Traffic): void {
    const spanMs = nowMs - this.observedAtMs
    if (spanMs < MIN_SPAN_MS) return
    const came = arrived - this.arrived
    const fresh = Math.max(0, came - this.returning)
    const silent = outstanding > 0 && fresh === 0 && acknowledged === this.acknowledged
    const expected = (this.rate * spanMs) / 1000
    if (reading && silent && this.stoppedAtMs === undefined && expected < MISSING) return
    const { wasReading } = this
    this.observedAtMs = nowMs
    this.arrived = arrived
    this.acknowledged = acknowledged
    this.returning = Math.max(0, this.returning - came)
    this.wasReading = reading && !silent
    const stopped = reading ? silent : !wasReading && fresh === 0
    if (stopped) this.gather(nowMs, spanMs)
    else this.flow(nowMs, spanMs, fresh, this.wasReading && wasReading && this.returning === 0)
  }

  private gather(nowMs: number, spanMs: number): void {
    this.stoppedAtMs ??= nowMs - spanMs
    const more = (this.rate * spanMs) / 1000
    if (this.limit > 0 && this.estimate + more >= this.limit) this.fullSinceMs ??= nowMs
    this.estimate += more
  }

  private flow(nowMs: number, spanMs: number, fresh: number, freely: boolean): void {
    this.stoppedAtMs = undefined
    this.fullSinceMs = undefined
    // More than its limit is not there, whatever was published.
    if (this.limit > 0) this.estimate = Math.min(this.estimate, this.limit)
    this.estimate = Math.max(0, this.estimate - fresh)
    if (!freely) return
    // A broker that still has something sends it faster than it comes in.
    if (fresh * 1000 <= 2 * this.rate * spanMs) this.estimate = 0
    if (this.estimate > 0) return
    this.learnedMs = Math.min(RATE_SPAN_MS, this.learnedMs + spanMs)
    this.rate += ((fresh * 1000) / spanMs - this.rate) * Math.min(1, spanMs / this.learnedMs)
  }
}
