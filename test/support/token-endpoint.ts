/** A token endpoint: a real HTTP server that grants unsigned tokens to one client, and can fail in several ways. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What it answers in the place of a token. `silence`: nothing at all. */
export type Answer = { readonly status: number; readonly body: string } | 'silence'

export interface TestTokenEndpoint {
  readonly url: string
  /** The requests so far: their forms. */
  readonly asked: URLSearchParams[]
  /** From now on; `undefined`: tokens again. */
  answer: Answer | undefined
  lifeSeconds: number | undefined
  stop(): Promise<void>
}

/** @param client the only one that is granted tokens */
export async function startTokenEndpoint(client: { id: string; secret: string }): Promise<TestTokenEndpoint> {
  const server = createServer((request, response) => void reply(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint: TestTokenEndpoint = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    asked: [],
    answer: undefined,
    lifeSeconds: 3600,
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }

  async function reply(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const form = new URLSearchParams(body)
    endpoint.asked.push(form)
    const { answer = grant(request, form) } = endpoint
    if (answer !== 'silence') response.writeHead(answer.status).end(answer.body)
  }

  function grant({ headers }: IncomingMessage, form: URLSearchParams): Answer {
    const [id, secret] = Buffer.from(headers.authorization?.replace(/^Basic /, '') ?? '', 'base64')
      .toString()
      .split(':')
      .map((part) => new URLSearchParams(`=${part}`).get(''))
    if (id !== client.id || secret !== client.secret) {
      return { status: 401, body: JSON.stringify({ error: 'invalid_client', error_description: secret }) }
    }
    const { lifeSeconds } = endpoint
    const claims = { sub: id, ...(form.has('scope') && { scope: form.get('scope') }) }
    const token = unsignedToken(claims, lifeSeconds)
    return {
      status: 200,
      body: JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: lifeSeconds }),
    }
  }

  return endpoint
}

/** An unsecured JSON Web Token (RFC 7519, section 6), as Kafka takes them when it is set up for development. */
export function unsignedToken(claims: object, lifeSeconds = 3600): string {
  const nowSeconds = Date.now() / 1000
  const parts = [{ alg: 'none' }, { ...claims, iat: nowSeconds, exp: nowSeconds + lifeSeconds }]
  return `${parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`
}
