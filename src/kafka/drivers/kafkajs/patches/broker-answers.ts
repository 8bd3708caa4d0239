/** Reads a broker's answers before kafkajs 2.2.4 does, which throws a whole answer away when one part of it is an error. */

type Parse = (answer: unknown) => Promise<unknown>

/** How kafkajs asks something, and how it reads the answer: its bytes, then what they say. */
export interface Protocol {
  readonly request: { readonly apiVersion: number }
  readonly response: { readonly decode: (bytes: Buffer) => Promise<object>; readonly parse: Parse }
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
  return reading(broker, apis, ({ response }, api) => ({
    parse: (answer) => read(answer, api, (it) => response.parse(it)),
  }))
}

/** The same broker, in whose answers to some requests a part of kafkajs' reading is replaced. */
export function reading<B extends AnsweringBroker>(
  broker: B,
  apis: readonly number[],
  replace: (protocol: Protocol, api: number) => Partial<Protocol['response']>,
): B {
  return Object.create(broker, {
    lookupRequest: {
      value: (api: number, definition: unknown): ((request: unknown) => Protocol) => {
        const make = broker.lookupRequest(api, definition)
        if (!apis.includes(api)) return make
        return (request) => {
          const protocol = make(request)
          return { ...protocol, response: { ...protocol.response, ...replace(protocol, api) } }
        }
      },
    },
  }) as B
}
