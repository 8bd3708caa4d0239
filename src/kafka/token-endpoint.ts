/**
 * Bearer tokens for SASL OAUTHBEARER, from the token endpoint of an identity provider by the client credentials
 * grant (RFC 6749, section 4.4). A token is kept until shortly before it expires, and asked for once however many
 * connections log in at the same time. Neither the secret nor a token is ever part of an error.
 */
import { PipelineError } from '../wire/errors'
import type { TokenSource } from './connection'
import { asPhrase, phrase, type PlainKey } from '../status/phrase'

export interface TokenEndpoint {
  readonly url: string
  readonly clientId: string
  readonly clientSecret: string
  /** Empty: what the endpoint grants without being asked. */
  readonly scope: string
  /** How long an answer may take. */
  readonly timeoutMs: number
}

interface Token {
  readonly value: string
  readonly goodUntilMs: number
}

/** A token is given away only while it is good for so long yet, or for half of its life if that is less. */
const MARGIN_MS = 60_000
/** What a bearer token may consist of; anything else could end the message that it is sent in. */
const TOKEN = /^[\x21-\x7e]+$/
/** The error names of RFC 6749, section 5.2. Other texts of the endpoint are not repeated. */
const ERROR_NAME = /^[a-z_]{1,40}$/

/** @param now a clock that never goes back, in milliseconds */
export function clientCredentials(endpoint: TokenEndpoint, now = () => performance.now()): TokenSource {
  let kept: Token | undefined
  let asking: Promise<Token> | undefined
  return async () => {
    if (kept !== undefined && now() < kept.goodUntilMs) return kept.value
    asking ??= ask(endpoint, now).finally(() => (asking = undefined))
    kept = await asking
    return kept.value
  }
}

async function ask(endpoint: TokenEndpoint, now: () => number): Promise<Token> {
  const askedAtMs = now()
  const { status, text } = await post(endpoint)
  const answer = parse(text)
  if (status !== 200) throw refused(endpoint, status, answer)
  const { access_token: value, expires_in: seconds } = answer ?? {}
  if (typeof value !== 'string' || !TOKEN.test(value)) {
    throw useless(endpoint, answer === undefined ? 'is not JSON' : 'has no access_token')
  }
  const lifeMs = Number(seconds ?? 0) * 1000
  // Without a lifetime the token is used once, by those who wait for it now.
  const goodForMs = Number.isFinite(lifeMs) ? lifeMs - Math.min(MARGIN_MS, lifeMs / 2) : 0
  return { value, goodUntilMs: askedAtMs + goodForMs }
}

async function post(endpoint: TokenEndpoint): Promise<{ status: number; text: string }> {
  const { url, clientId, clientSecret, scope, timeoutMs } = endpoint
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (scope !== '') form.set('scope', scope)
  const login = Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64')
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${login}`, accept: 'application/json' },
      body: form,
      // Another place must not get the secret.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { status: response.status, text: await response.text() }
  } catch (error) {
    throw away(endpoint, error)
  }
}

/** RFC 6749, section 2.3.1: form-encoded before it becomes a part of the `Authorization` header. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const answer: unknown = JSON.parse(text)
    return typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function away({ url, timeoutMs }: TokenEndpoint, error: unknown): PipelineError {
  const { name, cause } = error as { name?: string; cause?: { code?: string; message?: string } }
  const reason =
    name === 'TimeoutError'
      ? `no answer within ${timeoutMs} ms`
      : (cause?.code ?? cause?.message ?? 'no connection')
  return failed(
    'KAFKA_TOKEN_UNREACHABLE',
    `the token endpoint at ${hostOf(url)} cannot be reached: ${reason}; check its URL, and that it runs`,
    'kafkaTokenUnreachable',
  )
}

function refused({ url }: TokenEndpoint, status: number, answer: ReturnType<typeof parse>): PipelineError {
  const { error } = answer ?? {}
  const named = typeof error === 'string' && ERROR_NAME.test(error) ? ` ${error}` : ''
  const host = hostOf(url)
  if (status >= 500 || status === 429) {
    return failed(
      'KAFKA_TOKEN_UNREACHABLE',
      `the token endpoint at ${host} answers ${status}${named}; it is asked again`,
      'kafkaTokenFails',
    )
  }
  return failed(
    'KAFKA_TOKEN_REFUSED',
    `the token endpoint at ${host} refuses a token: ${status}${named}; check client id, client secret and scope`,
    'kafkaTokenRefused',
  )
}

function useless({ url }: TokenEndpoint, what: string): PipelineError {
  return failed(
    'KAFKA_TOKEN_INVALID',
    `the answer of the token endpoint at ${hostOf(url)} ${what}; check its URL`,
    'kafkaNoToken',
  )
}

/** All of it is retryable: the operator fixes it, and then the records go through. */
function failed(code: string, message: string, status: PlainKey): PipelineError {
  return new PipelineError(code, message, {
    retryable: true,
    status: phrase('kafka', { problem: asPhrase(status) }),
  })
}

function hostOf(url: string): string {
  return new URL(url).host
}
