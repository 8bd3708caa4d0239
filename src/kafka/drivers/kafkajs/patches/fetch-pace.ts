/** Has kafkajs 2.2.4 fetch when it is time, see `FetchPace`: its own fetches follow each other without a pause. */
import type { FetchPace } from '../../../group/partitions/fetch-pace'
import { answeredIn, type FetchAnswer } from '../fetch/fetch-answer'

/** No heartbeat is sent meanwhile; the shortest interval of them is three times as long. */
const MAX_REST_MS = 500
const NO_ANSWER: FetchAnswer = { responses: [] }

export interface FetchingBroker {
  fetch(request: object): Promise<FetchAnswer>
}

/**
 * The same broker. After a wait it answers with nothing: kafkajs sends a heartbeat when one is due, and composes its
 * request again, with what was resumed and sought meanwhile.
 */
export function fetchingAtPace<B extends FetchingBroker>(broker: B, nodeId: string, pace: FetchPace): B {
  return Object.create(broker, {
    fetch: {
      value: async (request: object): Promise<FetchAnswer> => {
        if (await pace.rest(nodeId, MAX_REST_MS)) return NO_ANSWER
        const answer = await broker.fetch({ ...request, maxWaitTime: pace.waitMs(nodeId) })
        pace.answered(nodeId, answeredIn(answer))
        return answer
      },
    },
  }) as B
}
