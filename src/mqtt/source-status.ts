/** Puts into a few words what a source is doing. */
import type { PipelineError } from '../wire/errors'
import { Rate, shownNumber } from '../log/numbers'
import type { NodeStatus } from '../runtime/host'
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

  of(source: ShownSource, nowMs: number): NodeStatus {
    const rate = this.rate.measure(source.arrived, nowMs)
    const { state } = source
    switch (state.kind) {
      case 'idle':
      case 'closed':
        return {}
      case 'unwired':
        return { fill: 'yellow', shape: 'ring', text: 'wire the first output' }
      case 'clientIdTaken':
        return { fill: 'yellow', shape: 'ring', text: `client ID in use by node ${state.byNode}` }
      case 'connecting':
        if (this.failure !== undefined) return failed(this.failure)
        return { fill: 'yellow', shape: 'ring', text: `connecting to ${state.host}` }
      case 'waiting':
        this.failure = state.error
        return failed(state.error)
      case 'resting':
        return queueFull(source) ?? held(source) ?? doubtful(source) ?? resting(source)
      case 'connected':
        this.failure = undefined
        return queueFull(source) ?? held(source) ?? doubtful(source) ?? this.connected(source, rate)
    }
  }

  private connected(source: ShownSource, rate: string): NodeStatus {
    const text = `${rate} · ${out(source)}`
    const trouble = source.problem ?? source.possibleLoss ?? this.warning
    if (trouble !== undefined)
      return { fill: 'yellow', shape: 'dot', text: `${text} · ${trouble.statusText}` }
    return { fill: isLate(source) ? 'yellow' : 'green', shape: 'dot', text }
  }
}

function failed({ statusText }: PipelineError): NodeStatus {
  return { fill: 'red', shape: 'ring', text: statusText }
}

/** More important than anything else while it lasts. */
function queueFull({ queueForecast }: ShownSource): NodeStatus | undefined {
  if (queueForecast?.kind !== 'full') return undefined
  return { fill: 'red', shape: 'ring', text: "possible loss: the broker's queue is full" }
}

/** What waits for a person: it is not acknowledged before, and enough of it stops the source for good. */
function held({ heldCount, problem }: ShownSource): NodeStatus | undefined {
  if (heldCount === 0) return undefined
  const reason = problem === undefined ? '' : `: ${problem.statusText}`
  return { fill: 'red', shape: 'dot', text: `${shownNumber(heldCount)} failed and held${reason}` }
}

/** With enough of it the source takes nothing else, and only a person can decide it. */
function doubtful({ doubt }: ShownSource): NodeStatus | undefined {
  return doubt && { fill: 'red', shape: 'dot', text: `waiting: ${doubt.statusText}` }
}

function resting(source: ShownSource): NodeStatus {
  const reason = source.problem === undefined ? '' : ` · ${source.problem.statusText}`
  return { fill: 'yellow', shape: 'ring', text: `waiting for the flow · ${out(source)}${reason}` }
}

/** What is on its way, how old the oldest is when it is late, and when the broker's queue is full. */
function out(source: ShownSource): string {
  const { oldestMs, queueForecast } = source
  const age = isLate(source) ? ` · oldest ${duration(oldestMs / 1000)}` : ''
  const left = queueForecast?.kind === 'filling' ? queueForecast.secondsLeft : undefined
  const queue = left === undefined ? '' : ` · broker's queue full in ${duration(left)}`
  return `${shownNumber(source.out)} out${age}${queue}`
}

function isLate({ oldestMs, deliveryTimeoutMs }: ShownSource): boolean {
  return oldestMs > deliveryTimeoutMs
}

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`
}
