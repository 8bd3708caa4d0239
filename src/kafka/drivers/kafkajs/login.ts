/**
 * How kafkajs logs in. Its own OAUTHBEARER does not read the broker's answer, and takes a token that was refused for
 * a login that succeeded: the user would be told of a closed connection. So that mechanism is spoken here
 * (RFC 7628; KIP-255).
 */
import type { Mechanism, SASLOptions } from 'kafkajs'
import { PipelineError } from '../../../wire/errors'
import type { SaslLogin, TokenSource } from '../../connection'
import { phrase } from '../../../status/phrase'

const SEPARATOR = '\u0001'
const LENGTH_BYTES = 4

/** A new object: kafkajs writes into it. */
export function kafkaJsLogin(login: SaslLogin): SASLOptions | Mechanism {
  return login.mechanism === 'oauthbearer' ? bearerLogin(login.token) : ({ ...login } as SASLOptions)
}

function bearerLogin(token: TokenSource): Mechanism {
  return {
    mechanism: 'oauthbearer',
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        const message = `n,,${SEPARATOR}auth=Bearer ${await token()}${SEPARATOR}${SEPARATOR}`
        const refusal = await saslAuthenticate({ request: bytes(message), response: text })
        if (!refusal) return
        // The broker waits for this before it ends the login; its answer is the refusal once more.
        await saslAuthenticate({ request: bytes(SEPARATOR), response: text }).catch(() => undefined)
        throw tokenRefused(refusal)
      },
    }),
  }
}

const bytes = (message: string) => ({
  encode: (): Buffer => {
    const buffer = Buffer.alloc(LENGTH_BYTES + Buffer.byteLength(message))
    buffer.writeInt32BE(buffer.length - LENGTH_BYTES)
    buffer.write(message, LENGTH_BYTES)
    return buffer
  },
})

const text = {
  decode: (raw: Buffer): Buffer => raw.subarray(LENGTH_BYTES),
  parse: (raw: Buffer): string => raw.toString(),
}

/** @param refusal JSON with a `status` such as `invalid_token` or `insufficient_scope` */
function tokenRefused(refusal: string): PipelineError {
  const status = /"status"\s*:\s*"([a-z_]{1,40})"/.exec(refusal)?.[1] ?? 'no reason given'
  return new PipelineError(
    'KAFKA_AUTHENTICATION',
    `the broker refuses the token: ${status}; check its scope and audience, and the clocks`,
    { retryable: true, status: phrase('kafka', { problem: phrase('kafkaTokenRefusedByBroker') }) },
  )
}
