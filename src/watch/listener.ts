/** The HTTP listener for Prometheus and for the probes of Kubernetes, apart from the one of the editor. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** What answers, by path. */
export type Pages = Readonly<Record<string, () => Answer | Promise<Answer>>>

export const jsonAnswer = (status: number, content: object): Answer => ({
  status,
  contentType: 'application/json; charset=utf-8',
  body: `${JSON.stringify(content, null, 2)}\n`,
})

/**
 * Resolves when it listens. It keeps no process alive.
 * @throws Error with the code of the operating system: EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOTFOUND
 */
export async function listen(host: string, port: number, pages: Pages): Promise<Server> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/\?.*$/, '')
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (page === undefined) return send(response, text(404, `there is ${Object.keys(pages).join(', ')}`))
    if (!isRead) return send(response, text(405, 'only GET'))
    void answerOf(page).then((answer) => send(response, answer))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
  server.on('error', () => undefined)
  return server.unref()
}

export const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** Never rejects. The text of a foreign error may hold anything. */
export async function answerOf(page: () => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await page()
  } catch {
    return text(500, 'this failed for an unforeseen reason')
  }
}

function send(response: ServerResponse, { status, contentType, body }: Answer): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
}

const text = (status: number, body: string): Answer => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body: `${body}\n`,
})
