/** Puts into a few words what a consumer is doing. */
import { Rate, shownNumber } from '../../log/numbers'
import type { NodeStatus } from '../../runtime/host'
import type { KafkaSource } from './source'

/** The part of a consumer that shows. */
export type ShownConsumer = Pick<KafkaSource, 'state' | 'received' | 'out' | 'lag' | 'heldCount' | 'problem'>

export class ConsumerStatus {
  private readonly rate: Rate

  constructor(startedAtMs: number) {
    this.rate = new Rate(startedAtMs)
  }

  of(consumer: ShownConsumer, nowMs: number): NodeStatus {
    const rate = this.rate.measure(consumer.received, nowMs)
    const { state, heldCount, problem, out, lag } = consumer
    if (typeof state === 'object') return { fill: 'red', shape: 'ring', text: state.problem.statusText }
    if (state === 'unwired') return { fill: 'yellow', shape: 'ring', text: 'wire the first output' }
    if (state === 'connecting') return { fill: 'yellow', shape: 'ring', text: 'joining the group' }
    if (heldCount > 0) {
      const reason = problem === undefined ? '' : `: ${problem.statusText}`
      return { fill: 'red', shape: 'dot', text: `${shownNumber(heldCount)} failed and held${reason}` }
    }
    const text = `${rate} · ${shownNumber(out)} out · lag ${shownNumber(lag)}`
    if (problem !== undefined) {
      return { fill: 'yellow', shape: 'dot', text: `${text} · ${problem.statusText}` }
    }
    return { fill: 'green', shape: 'dot', text }
  }
}
