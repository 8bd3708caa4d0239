/** Has produce requests encoded by us, see `produce/produce-request.ts`, and their answers left whole. */
import { encodeProduce, type ProduceRequest } from '../produce/produce-request'
import { replacing, type AnsweringBroker } from './broker-answers'

const PRODUCE_API = 0
/** From this version on, a request has record batches; older ones are left to kafkajs. */
const FIRST_VERSION = 3

/** The same broker, whose answers are not thrown away because of one partition. */
export function withOwnProduce<B extends AnsweringBroker>(broker: B): B {
  return replacing(broker, [PRODUCE_API], ({ request }, _api, asked) => ({
    ...(request.apiVersion >= FIRST_VERSION && {
      request: { encode: () => encodeProduce(asked as ProduceRequest) },
    }),
    response: { parse: (answer) => Promise.resolve(answer) },
  }))
}
