/** Puts into a few words what a consumer is doing. */
import type { NodeStatus } from '../../runtime/host'
import type { KafkaSource } from './source'

/** The part of a consumer that shows. */
export type ShownConsumer = Pick<KafkaSource, 'state' | 'received' | 'out' | 'lag' | 'heldCount' | 'problem'>

/** The rate is measured over at least so long. */
const RATE_SPAN_MS = 900

export class ConsumerStatus {
  private rate = 0
  private received = 0
  private measuredAtMs: number

  constructor(startedAtMs: number) {
    this.measuredAtMs = startedAtMs
  }

  of(consumer: ShownConsumer, nowMs: number): NodeStatus {
    this.measure(consumer.received, nowMs)
    const { state, heldCount, problem, out, lag } = consumer
    if (typeof state === 'object') return { fill: 'red', shape: 'ring', text: state.problem.statusText }
    if (state === 'unwired') return { fill: 'yellow', shape: 'ring', text: 'wire the first output' }
    if (state === 'connecting') return { fill: 'yellow', shape: 'ring', text: 'joining the group' }
    if (heldCount > 0) {
      const reason = problem === undefined ? '' : `: ${problem.statusText}`
      return { fill: 'red', shape: 'dot', text: `${number(heldCount)} failed and held${reason}` }
    }
    const text = `${number(this.rate)}/s · ${number(out)} out · lag ${number(lag)}`
    if (problem !== undefined) {
      return { fill: 'yellow', shape: 'dot', text: `${text} · ${problem.statusText}` }
    }
    return { fill: 'green', shape: 'dot', text }
  }

  private measure(received: number, nowMs: number): void {
    const spanMs = nowMs - this.measuredAtMs
    if (spanMs < RATE_SPAN_MS) return
    this.rate = Math.round(((received - this.received) * 1000) / spanMs)
    this.received = received
    this.measuredAtMs = nowMs
  }
}

function number(value: number): string {
  return value.toLocaleString('en')
}
