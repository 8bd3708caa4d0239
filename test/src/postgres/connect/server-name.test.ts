/** The name of which a server must have a certificate, seen from the other side of the handshake. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import path from 'node:path'
import { createSecureContext, TLSSocket } from 'node:tls'
import { connectionConfig } from '../../../../src/postgres/connect/connection'
import { ServerChoice } from '../../../../src/postgres/connect/server-choice'
import { serverClient } from '../../../../src/postgres/connect/server-client'

const FILES = path.join(__dirname, '..', '..', '..', 'support', 'tls')
const CONTEXT = createSecureContext({
  cert: readFileSync(path.join(FILES, 'server.crt')),
  key: readFileSync(path.join(FILES, 'server.key')),
})

describe('a connection to PostgreSQL with TLS', () => {
  let server: Server
  let onHandshake: (servername: unknown) => void
  before(async () => {
    server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => {
        socket.write('S')
        const secured = new TLSSocket(socket, { isServer: true, secureContext: CONTEXT, SNICallback: accept })
        secured.on('error', () => undefined)
        secured.once('secure', () => {
          onHandshake((secured as unknown as { readonly servername: unknown }).servername)
          secured.destroy()
        })
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  after(() => server.close())

  for (const [host, servername, asked] of [
    ['localhost', undefined, 'localhost'],
    ['localhost', 'db.example', 'db.example'],
    ['127.0.0.1', 'db.example', 'db.example'],
    ['127.0.0.1', undefined, false],
  ] as const) {
    it(`to ${host} with the server name ${servername ?? 'left empty'} asks for ${asked || 'no name'}`, async () => {
      const { port } = server.address() as AddressInfo
      const url = `postgres://w@${host}:${port}/iot`
      const { servers, ...config } = connectionConfig(url, 'no-verify', servername && { servername })
      const choice = new ServerChoice(servers)
      const options = { config, servers: choice, connectTimeoutMs: 5000, onConnected: () => undefined }
      const handshake = new Promise((resolve) => (onHandshake = resolve))
      const client = new (serverClient(options))()
      await assert.rejects(client.connect())
      assert.equal(await handshake, asked)
    })
  }
})

function accept(_name: string, done: (error: null, context: typeof CONTEXT) => void): void {
  done(null, CONTEXT)
}
