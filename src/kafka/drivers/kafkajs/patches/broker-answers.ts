/**
 * Takes the place of kafkajs 2.2.4 where it writes requests to a broker, and reads answers: of one client, so that other
 * users of kafkajs in this process are left alone.
 */

type Parse = (answer: unknown) => Promise<unknown>

/** How kafkajs asks something, and how it reads the answer: its bytes, then what they say. */
export interface Protocol {
  readonly request: { readonly apiVersion: number; readonly encode: () => Promise<object> }
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
  return replacing(broker, apis, ({ response }, api) => ({
    response: { parse: (answer) => read(answer, api, (it) => response.parse(it)) },
  }))
}

interface Replacement {
  readonly request?: Pick<Protocol['request'], 'encode'>
  readonly response?: Partial<Protocol['response']>
}

/**
 * The same broker, for which a part of kafkajs' requests, or of its reading of answers, is replaced.
 * @param replace gets what is asked as kafkajs' function for that request gets it
 */
export function replacing<B extends AnsweringBroker>(
  broker: B,
  apis: readonly number[],
  replace: (protocol: Protocol, api: number, asked: unknown) => Replacement,
): B {
  return Object.create(broker, {
    lookupRequest: {
      value: (api: number, definition: unknown): ((asked: unknown) => Protocol) => {
        const make = broker.lookupRequest(api, definition)
        if (!apis.includes(api)) return make
        return (asked) => {
          const protocol = make(asked)
          const { request, response } = replace(protocol, api, asked)
          return {
            request: { ...protocol.request, ...request },
            response: { ...protocol.response, ...response },
          }
        }
      },
    },
  }) as B
}
