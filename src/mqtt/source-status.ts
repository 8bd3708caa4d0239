/** Puts into a few words what a source is doing. */
import type { PipelineError } from '../runtime/errors'
import type { NodeStatus } from '../runtime/host'
import type { MqttSource } from './source'

/** The part of a source that shows. */
export type ShownSource = Pick<MqttSource, 'state' | 'arrived' | 'out' | 'heldCount' | 'problem'>

/** The rate is measured over at least so long. */
const RATE_SPAN_MS = 900

export class SourceStatus {
  private rate = 0
  private arrived = 0
  private measuredAtMs: number
  private warning: PipelineError | undefined

  constructor(startedAtMs: number) {
    this.measuredAtMs = startedAtMs
  }

  /** This warning stays in the status. */
  warned(warning: PipelineError): void {
    this.warning = warning
  }

  of(source: ShownSource, nowMs: number): NodeStatus {
    this.measure(source.arrived, nowMs)
    const { state, heldCount, problem } = source
    switch (state.kind) {
      case 'idle':
      case 'closed':
        return {}
      case 'unwired':
        return { fill: 'yellow', shape: 'ring', text: 'wire the first output' }
      case 'clientIdTaken':
        return { fill: 'yellow', shape: 'ring', text: `client ID in use by node ${state.byNode}` }
      case 'connecting':
        return { fill: 'yellow', shape: 'ring', text: `connecting to ${state.host}` }
      case 'waiting':
        return { fill: 'red', shape: 'ring', text: state.error.statusText }
      case 'resting':
        return { fill: 'yellow', shape: 'ring', text: `waiting for the flow · ${this.out(source)}` }
      case 'connected': {
        const text = `${number(this.rate)}/s · ${this.out(source)}`
        if (heldCount > 0) {
          const reason = problem === undefined ? '' : `: ${problem.statusText}`
          return { fill: 'red', shape: 'dot', text: `${number(heldCount)} failed and held${reason}` }
        }
        if (problem !== undefined)
          return { fill: 'yellow', shape: 'dot', text: `${text} · ${problem.statusText}` }
        if (this.warning !== undefined) {
          return { fill: 'yellow', shape: 'dot', text: `${text} · ${this.warning.statusText}` }
        }
        return { fill: 'green', shape: 'dot', text }
      }
    }
  }

  private out({ out }: ShownSource): string {
    return `${number(out)} out`
  }

  private measure(arrived: number, nowMs: number): void {
    const spanMs = nowMs - this.measuredAtMs
    if (spanMs < RATE_SPAN_MS) return
    this.rate = Math.round(((arrived - this.arrived) * 1000) / spanMs)
    this.arrived = arrived
    this.measuredAtMs = nowMs
  }
}

function number(value: number): string {
  return value.toLocaleString('en')
}
