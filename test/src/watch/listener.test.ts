import assert from 'node:assert/strict'
import type { Server } from 'node:http'
import { jsonAnswer, listen, portOf } from '../../../src/watch/listener'

describe('the listener', () => {
  let server: Server
  const get = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`http://127.0.0.1:${portOf(server)}${path}`, init)

  before(async () => {
    server = await listen('127.0.0.1', 0, {
      '/ready': () => jsonAnswer(503, { ready: false }),
      '/fails': () => {
        throw new Error('secret')
      },
    })
  })

  after(() => server.close())

  it('answers a page with its status and content, whatever the query', async () => {
    const response = await get('/ready?verbose=1')
    assert.equal(response.status, 503)
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/)
    assert.deepEqual(await response.json(), { ready: false })
    const head = await get('/ready', { method: 'HEAD' })
    assert.deepEqual([head.status, await head.text()], [503, ''])
  })

  it('says what there is when it is asked for something else', async () => {
    for (const path of ['/', '/toString', '/__proto__']) assert.equal((await get(path)).status, 404, path)
    assert.match(await (await get('/')).text(), /\/ready/)
    assert.equal((await get('/ready', { method: 'POST' })).status, 405)
  })

  it('keeps to itself what a page has thrown', async () => {
    const response = await get('/fails')
    assert.equal(response.status, 500)
    assert.doesNotMatch(await response.text(), /secret/)
  })

  it('says that a port is in use', async () => {
    await assert.rejects(listen('127.0.0.1', portOf(server), {}), { code: 'EADDRINUSE' })
  })
})
