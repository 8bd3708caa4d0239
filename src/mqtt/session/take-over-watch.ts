/**
 * Notices that another client uses our client id: the broker then throws out the older of the two, that one
 * connects again, and so on in a loop, with a window of repetitions each time. MQTT 5 brokers say so (reason
 * 0x8E); in 3.1.1 the sign is that connections end soon after they stood, several times in a row.
 *
 * The answer is a pause instead of an end, so that the source resumes by itself when the other has left. A pause on
 * mere suspicion is short at first: it may be a bad network, and the broker's queue fills up meanwhile.
 */
import { PipelineError } from '../../wire/errors'
import { phrase } from '../../status/phrase'

const SHORT_LIFE_MS = 10_000
const SHORT_LIVES = 3
const CERTAIN_PAUSE_MS = 5 * 60_000
const LIKELY_PAUSE_MS = 15_000
const MAX_LIKELY_PAUSE_MS = 60_000

export interface Pause {
  readonly error: PipelineError
  readonly delayMs: number
}

export class TakeOverWatch {
  private connectedAtMs: number | undefined
  private shortLives = 0
  /** The next one on suspicion; each is twice as long as the one before. */
  private pauseMs = LIKELY_PAUSE_MS

  constructor(private readonly now: () => number) {}

  /** A connection stands, and is subscribed as far as is known. */
  connected(): void {
    this.connectedAtMs = this.now()
  }

  /** We end the connection ourselves. */
  left(): void {
    this.connectedAtMs = undefined
  }

  /** @returns how long to stay away, when another client seems to use the client id */
  closed(reason: PipelineError): Pause | undefined {
    const { connectedAtMs } = this
    this.connectedAtMs = undefined
    if (reason.code === 'MQTT_TAKEN_OVER') return { error: takenOver(reason), delayMs: CERTAIN_PAUSE_MS }
    if (connectedAtMs === undefined) return undefined
    const lifeMs = this.now() - connectedAtMs
    this.shortLives = lifeMs < SHORT_LIFE_MS ? this.shortLives + 1 : 0
    if (lifeMs > this.pauseMs) this.pauseMs = LIKELY_PAUSE_MS
    if (this.shortLives < SHORT_LIVES) return undefined
    this.shortLives = 0
    const delayMs = this.pauseMs
    this.pauseMs = Math.min(2 * delayMs, MAX_LIKELY_PAUSE_MS)
    return { error: likelyTakenOver(reason, delayMs), delayMs }
  }
}

function takenOver(reason: PipelineError): PipelineError {
  return new PipelineError(
    'MQTT_TAKEN_OVER',
    `${reason.message}. Give each its own. Next attempt in ${CERTAIN_PAUSE_MS / 60_000} min`,
    { retryable: true, status: reason.status, cause: reason },
  )
}

function likelyTakenOver(reason: PipelineError, delayMs: number): PipelineError {
  return new PipelineError(
    'MQTT_TAKEN_OVER',
    `the MQTT broker has closed the connection ${SHORT_LIVES} times within ${SHORT_LIFE_MS / 1000} s; ` +
      'another client probably uses the same client ID (then give each its own), or the network is bad. ' +
      `Next attempt in ${delayMs / 1000} s (${reason.message})`,
    { retryable: true, status: phrase('mqtt', { problem: phrase('mqttMaybeTakenOver') }), cause: reason },
  )
}
