/**
 * What is wrong with a consumer, part by part. One problem of those that stop all reading is reported as its state, and one of
 * those that stop some topics or partitions only as its impairment.
 */
import type { PipelineError } from '../../wire/errors'
import type { ConsumerOptions } from '../driver'
import { REFUSED } from './partitions/refused-partitions'

/** The other topics and partitions are read meanwhile. */
const OF_SOME = ['KAFKA_FORBIDDEN', 'KAFKA_NO_LEADER', 'KAFKA_UNKNOWN_TOPIC', 'KAFKA_UNREAD']

export class ConsumerProblems {
  private readonly problems = new Map<string, PipelineError>()
  /** What was reported last. */
  private state: PipelineError | undefined
  private impairment: PipelineError | undefined

  constructor(private readonly consumer: Pick<ConsumerOptions, 'onState' | 'onImpaired'>) {}

  set(part: string, problem: PipelineError | undefined): void {
    if (this.problems.get(part)?.message === problem?.message) return
    if (problem === undefined) this.problems.delete(part)
    else this.problems.set(part, problem)
    const all = [...this.problems]
    const ofSome = all.find((each) => isOfSome(...each))?.[1]
    const ofAll = all.find((each) => !isOfSome(...each))?.[1]
    if (ofAll !== this.state) this.consumer.onState((this.state = ofAll))
    if (ofSome !== this.impairment) this.consumer.onImpaired((this.impairment = ofSome))
  }
}

function isOfSome(part: string, { code }: PipelineError): boolean {
  if (part === REFUSED) return true
  return part !== 'connection' && part !== 'commit' && OF_SOME.includes(code)
}
