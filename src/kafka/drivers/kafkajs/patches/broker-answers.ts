/** Reads a broker's answers before kafkajs 2.2.4 does, which throws a whole answer away when one part of it is an error. */

type Parse = (answer: unknown) => Promise<unknown>

interface Protocol {
  readonly response: { readonly parse: Parse }
}

export interface AnsweringBroker {
  lookupRequest(api: number, definition: unknown): (request: unknown) => Protocol
}

/**
 * The same broker, with another way to read the answers to some requests.
 * @param apis Kafka's numbers of these requests
 * @param read gets kafkajs' own way as well
 */
export function readingAnswers<B extends AnsweringBroker>(
  broker: B,
  apis: readonly number[],
  read: (answer: unknown, api: number, parse: Parse) => Promise<unknown>,
): B {
  return Object.create(broker, {
    lookupRequest: {
      value: (api: number, definition: unknown): ((request: unknown) => Protocol) => {
        const make = broker.lookupRequest(api, definition)
        if (!apis.includes(api)) return make
        return (request) => {
          const protocol = make(request)
          const { response } = protocol
          const parse: Parse = (answer) => read(answer, api, (it) => response.parse(it))
          return { ...protocol, response: { ...response, parse } }
        }
      },
    },
  }) as B
}
