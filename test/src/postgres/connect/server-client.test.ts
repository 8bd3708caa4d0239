import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { openDatabase } from '../../../support/sink'

/** A pooler that answers every login with this error and closes. */
function pooler(code: string, text: string): Server {
  const fields = `SFATAL\0VFATAL\0C${code}\0M${text}\0\0`
  const answer = Buffer.alloc(5)
  answer.write('E')
  answer.writeInt32BE(4 + fields.length, 1)
  return createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(Buffer.concat([answer, Buffer.from(fields)])))
  }).listen(0, '127.0.0.1')
}

describe('connecting through a pooler', () => {
  for (const [code, text] of [
    ['XX000', 'Max client connections reached'],
    ['XX000', 'Tenant or user not found'],
    ['22023', 'invalid startup parameter'],
    ['P0001', 'login is closed'],
  ] as const) {
    it(`that refuses with ${code}, ${text}: it is a problem of the connection, and no row is blamed`, async () => {
      const server = pooler(code, text)
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const database = openDatabase(`postgres://writer@127.0.0.1:${port}/iot?sslmode=disable`)
      const work = database.transaction('writing to "iot_messages"', () => Promise.resolve())
      await assert.rejects(work, {
        kind: 'transient',
        sqlState: code,
        statusText: `PostgreSQL: ${text}`,
        message: new RegExp(`^connecting to PostgreSQL at 127.0.0.1:${port}.* failed: ${text}; trying again`),
      })
      await database.close(0)
      server.close()
    })
  }
})
