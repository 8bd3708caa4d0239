/** Puts into a few words what a source is doing. */
import type { PipelineError } from '../wire/errors'
import { heldText } from '../delivery/held-text'
import { phrase, type Phrase } from '../status/phrase'
import { Rate } from '../status/rate'
import type { Status } from '../status/status'
import type { MqttSource } from './source'

/** The part of a source that shows. */
export type ShownSource = Pick<
  MqttSource,
  | 'state'
  | 'arrived'
  | 'out'
  | 'oldestMs'
  | 'deliveryTimeoutMs'
  | 'heldCount'
  | 'problem'
  | 'doubt'
  | 'queueForecast'
  | 'windowFull'
  | 'possibleLoss'
>

export class SourceStatus {
  private readonly rate: Rate
  private warning: PipelineError | undefined
  /** Why there is no connection. Stays while the next attempt is under way. */
  private failure: PipelineError | undefined

  constructor(startedAtMs: number) {
    this.rate = new Rate(startedAtMs)
  }

  /** This warning stays in the status. */
  warned(warning: PipelineError): void {
    this.warning = warning
  }

  of(source: ShownSource, nowMs: number): Status {
    const rate = this.rate.measure(source.arrived, nowMs)
    const { state } = source
    switch (state.kind) {
      case 'idle':
      case 'closed':
        return {}
      case 'unwired':
        return { fill: 'yellow', shape: 'ring', text: 'wireFirstOutput' }
      case 'clientIdTaken':
        return { fill: 'yellow', shape: 'ring', text: phrase('clientIdInUse', { node: state.byNode }) }
      case 'connecting':
        if (this.failure !== undefined) return failed(this.failure)
        return { fill: 'yellow', shape: 'ring', text: phrase('connectingTo', { host: state.host }) }
      case 'waiting':
        this.failure = state.error
        return failed(state.error)
      case 'resting':
        return queueFull(source) ?? held(source) ?? doubtful(source) ?? resting(source)
      case 'paused':
        this.failure = undefined
        return queueFull(source) ?? held(source) ?? paused(source)
      case 'connected':
        this.failure = undefined
        return queueFull(source) ?? held(source) ?? doubtful(source) ?? this.connected(source, rate)
    }
  }

  private connected(source: ShownSource, rate: Phrase): Status {
    const text = [rate, ...inFlight(source)]
    const isStalled =
      source.queueForecast !== undefined || (source.windowFull && rate.values?.['number'] === 0)
    const trouble = source.problem ?? source.possibleLoss ?? this.warning
    if (trouble !== undefined) return { fill: 'yellow', shape: 'dot', text: [...text, trouble.status] }
    return { fill: isStalled || isLate(source) ? 'yellow' : 'green', shape: 'dot', text }
  }
}

function failed({ status }: PipelineError): Status {
  return { fill: 'red', shape: 'ring', text: status }
}

/** More important than anything else while it lasts, and no reason to hide what has led to it. */
function queueFull(source: ShownSource): Status | undefined {
  const { queueForecast, heldCount, problem, doubt } = source
  if (queueForecast?.kind !== 'full') return undefined
  const cause = heldCount > 0 ? heldText(heldCount, problem) : (doubt ?? problem)?.status
  const text = cause === undefined ? 'queueFull' : phrase('possibleLossBecause', { reason: cause })
  return { fill: 'red', shape: 'ring', text }
}

/** What waits for a person: it is not acknowledged before, and enough of it stops the source for good. */
function held({ heldCount, problem }: ShownSource): Status | undefined {
  if (heldCount === 0) return undefined
  return { fill: 'red', shape: 'dot', text: heldText(heldCount, problem) }
}

/** With enough of it the source takes nothing else, and only a person can decide it. */
function doubtful({ doubt }: ShownSource): Status | undefined {
  return doubt && { fill: 'red', shape: 'dot', text: phrase('waitingBecause', { reason: doubt.status }) }
}

function paused(source: ShownSource): Status {
  return { fill: 'yellow', shape: 'ring', text: [phrase('paused'), ...inFlight(source)] }
}

function resting(source: ShownSource): Status {
  const { problem } = source
  const text = [phrase('waitingForFlow'), ...inFlight(source)]
  return { fill: 'yellow', shape: 'ring', text: problem === undefined ? text : [...text, problem.status] }
}

/** What is on its way, how old the oldest is when it is late, and when the broker's queue is full. */
function inFlight(source: ShownSource): Phrase[] {
  const { out, oldestMs, queueForecast } = source
  const text = [phrase('inFlight', { number: out })]
  if (isLate(source)) text.push(phrase('oldest', { age: duration(oldestMs / 1000) }))
  if (queueForecast?.kind === 'filling') {
    text.push(phrase('queueFullIn', { time: duration(queueForecast.secondsLeft) }))
  }
  return text
}

function isLate({ oldestMs, deliveryTimeoutMs }: ShownSource): boolean {
  return oldestMs > deliveryTimeoutMs
}

function duration(seconds: number): Phrase {
  if (seconds < 120) return phrase('seconds', { number: Math.floor(seconds) })
  return seconds < 7200
    ? phrase('minutes', { number: Math.floor(seconds / 60) })
    : phrase('hours', { number: Math.floor(seconds / 3600) })
}
