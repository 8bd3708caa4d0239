/** Has the answers to fetches decoded by us, see `fetch/fetch-answer.ts`. */
import { answerDecoder } from '../fetch/fetch-answer'
import { replacing, type AnsweringBroker } from './broker-answers'

const FETCH_API = 1

/** The same broker, for a consumer of ours; other users of kafkajs in this process are left alone. */
export function withOwnDecoder<B extends AnsweringBroker>(broker: B): B {
  return replacing(broker, [FETCH_API], ({ request, response }) => ({
    response: { decode: answerDecoder(request.apiVersion, (bytes) => response.decode(bytes)) },
  }))
}
