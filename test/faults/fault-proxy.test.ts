import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultProxy } from './fault-proxy'

describe('FaultProxy', () => {
  let service: Server
  let proxy: FaultProxy
  let client: Socket
  let received: Buffer[]
  let closed: Promise<void>

  beforeEach(async () => {
    service = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.pipe(socket)
    })
    service.listen(0, '127.0.0.1')
    await once(service, 'listening')
    proxy = await FaultProxy.start((service.address() as { port: number }).port)
    client = connect(proxy.port, '127.0.0.1')
    client.on('error', () => undefined)
    closed = new Promise((resolve) => client.once('close', () => resolve()))
    received = []
    client.on('data', (chunk) => received.push(chunk))
    await once(client, 'connect')
  })
  afterEach(async () => {
    client.destroy()
    await proxy.stop()
    service.close()
  })
  const echoed = () => Buffer.concat(received).toString()
  const until = async (text: string) => {
    while (echoed() !== text) await sleep(1)
  }

  it('passes bytes on in both directions', async () => {
    client.write('hello')
    await until('hello')
  })

  it('slices chunks', async () => {
    proxy.set({ sliceBytes: 1, latencyMs: 1 })
    client.write('hello')
    await until('hello')
    assert.ok(received.length > 1)
  })

  it('swallows everything as a black hole, and passes again what comes after it heals', async () => {
    proxy.set({ blackHole: true })
    client.write('lost')
    while (proxy.swallowedBytes < 'lost'.length) await sleep(1)
    proxy.set({})
    client.write('kept')
    await until('kept')
  })

  it('resets what is open', async () => {
    client.write('x')
    await until('x')
    proxy.reset()
    await closed
    while (proxy.connections > 0) await sleep(1)
  })

  it('cuts a connection after a number of bytes', async () => {
    proxy.set({ cutAfter: { direction: 'down', bytes: 3 } })
    client.write('hello')
    await closed
    assert.ok('hel'.startsWith(echoed()))
  })

  it('refuses new connections', async () => {
    proxy.set({ refuse: true })
    const refused = connect(proxy.port, '127.0.0.1')
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException]
    assert.equal(error.code, 'ECONNRESET')
  })
})
