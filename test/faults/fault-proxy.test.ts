import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultProxy } from './fault-proxy'

describe('FaultProxy', () => {
  let service: Server
  let served: Set<Socket>
  let proxy: FaultProxy
  let client: Socket
  let received: Buffer[]
  let closed: Promise<void>

  beforeEach(async () => {
    served = new Set()
    service = createServer((socket) => {
      served.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => served.delete(socket))
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

  it('changes what passes, from the first byte of a connection on', async () => {
    proxy.rewrite = (bytes, direction) =>
      Promise.resolve(direction === 'up' ? Buffer.from(bytes.toString().toUpperCase()) : bytes)
    const changed = connect(proxy.port, '127.0.0.1')
    changed.on('data', (chunk) => received.push(chunk))
    changed.write('hello')
    await until('HELLO')
    changed.destroy()
  })

  it('swallows in one direction only', async () => {
    proxy.set({ blackHole: 'up' })
    client.write('lost')
    while (proxy.swallowedBytes < 'lost'.length) await sleep(1)
    for (const socket of served) socket.write('heard')
    await until('heard')
    client.end()
    proxy.set({})
    await closed
  })

  it('hides from the service, in a black hole, that the client has gone, until it heals', async () => {
    client.write('x')
    await until('x')
    proxy.set({ blackHole: true })
    client.resetAndDestroy()
    await closed
    assert.equal(served.size, 1)
    proxy.set({})
    while (served.size > 0 || proxy.connections > 0) await sleep(1)
  })

  it('passes on what was written before an end', async () => {
    client.end('hello')
    await closed
    assert.equal(echoed(), 'hello')
    while (proxy.connections > 0) await sleep(1)
  })

  it('answers in the place of the service, when asked to, and ends the connection', async () => {
    proxy.set({ answer: (bytes) => (bytes.toString() === 'hello' ? Buffer.from('no') : undefined) })
    client.write('hello')
    await closed
    assert.equal(echoed(), 'no')
  })

  it('lets pass what it is not to answer', async () => {
    proxy.set({ answer: () => undefined })
    client.write('hello')
    await until('hello')
  })

  it('loses the next answer of each open connection, and the connection with it', async () => {
    const closing = closed
    const other = connect(proxy.port, '127.0.0.1')
    other.on('error', () => undefined)
    const otherClosed = new Promise((resolve) => other.once('close', resolve))
    await once(other, 'connect')
    while (proxy.connections < 2) await sleep(1)
    proxy.loseNextAnswers()
    const later = connect(proxy.port, '127.0.0.1')
    const answered = once(later, 'data')
    later.write('later')
    await answered
    client.write('x')
    other.write('y')
    await Promise.all([closing, otherClosed])
    assert.deepEqual([echoed(), proxy.lostAnswers, proxy.accepted], ['', 2, 3])
    later.destroy()
  })

  it('asks for the port at each connection, when that is a function', async () => {
    const asked: number[] = []
    const following = await FaultProxy.start(() => {
      const { port } = service.address() as { port: number }
      asked.push(port)
      return port
    })
    for (let round = 0; round < 2; round++) {
      const socket = connect(following.port, '127.0.0.1')
      socket.end('x')
      await once(socket.resume(), 'close')
    }
    assert.equal(asked.length, 2)
    await following.stop()
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
