/** Creates the topics that a consumer names, before it joins its group; tries again until they are there. */
import { backoffMs } from '../../time/backoff'
import { asPipelineError, type PipelineError } from '../../wire/errors'
import type { KafkaCluster } from '../cluster'
import type { TopicPlan } from './topic-plan'

const BACKOFF = { initialMs: 500, maxMs: 10_000 }

/**
 * Resolves when all of them are there, or the signal aborts.
 * @param onProblem what keeps a topic from being created; `undefined` when nothing does any more
 */
export async function createTopics(
  cluster: KafkaCluster,
  names: readonly string[],
  plan: TopicPlan,
  signal: AbortSignal,
  onProblem: (problem: PipelineError | undefined) => void,
): Promise<void> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      for (const name of names) await cluster.ensureTopic(name, plan)
      return onProblem(undefined)
    } catch (error) {
      onProblem(asPipelineError(error))
    }
    await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt, BACKOFF)).unref())
  }
}
