/** Puts into a few words what a consumer is doing. */
import { phrase } from '../../status/phrase'
import { Rate } from '../../status/rate'
import type { Status } from '../../status/status'
import { heldText } from '../../delivery/held-text'
import type { KafkaSource } from './source'

/** The part of a consumer that shows. */
export type ShownConsumer = Pick<
  KafkaSource,
  'state' | 'received' | 'out' | 'lag' | 'heldCount' | 'problem' | 'paused'
>

export class ConsumerStatus {
  private readonly rate: Rate

  constructor(startedAtMs: number) {
    this.rate = new Rate(startedAtMs)
  }

  of(consumer: ShownConsumer, nowMs: number): Status {
    const rate = this.rate.measure(consumer.received, nowMs)
    const { state, heldCount, problem, out, lag } = consumer
    if (typeof state === 'object') return { fill: 'red', shape: 'ring', text: state.problem.status }
    if (state === 'unwired') return { fill: 'yellow', shape: 'ring', text: 'wireFirstOutput' }
    if (state === 'connecting') return { fill: 'yellow', shape: 'ring', text: 'joiningGroup' }
    if (heldCount > 0) {
      return { fill: 'red', shape: 'dot', text: heldText(heldCount, problem) }
    }
    if (consumer.paused) {
      const text = [phrase('paused'), phrase('inFlight', { number: out }), phrase('lag', { number: lag })]
      return { fill: 'yellow', shape: 'ring', text }
    }
    const text = [rate, phrase('inFlight', { number: out }), phrase('lag', { number: lag })]
    if (problem !== undefined) {
      return { fill: 'yellow', shape: 'dot', text: [...text, problem.status] }
    }
    return { fill: 'green', shape: 'dot', text }
  }
}
