import assert from 'node:assert/strict'
import { freePort } from '../../../dev/services/free-port'
import { clientCredentials, type TokenEndpoint } from '../../../src/kafka/token-endpoint'
import type { PipelineError } from '../../../src/wire/errors'
import { startTokenEndpoint, type Answer, type TestTokenEndpoint } from '../../support/token-endpoint'

/** Characters that mean something else in a form, in a header, and in a user-password pair. */
const CLIENT = { id: 'node red:1', secret: 'canary +/=%:&é' }

describe('a token endpoint', () => {
  let server: TestTokenEndpoint
  let nowMs = 0
  const now = (): number => nowMs

  beforeEach(async () => {
    nowMs = 1_000_000
    server = await startTokenEndpoint(CLIENT)
  })
  afterEach(() => server.stop())

  const endpoint = (change: Partial<TokenEndpoint> = {}): TokenEndpoint => ({
    url: server.url,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    scope: '',
    timeoutMs: 5_000,
    ...change,
  })

  const failure = async (change: Partial<TokenEndpoint> = {}): Promise<PipelineError> => {
    const error = (await clientCredentials(endpoint(change))().catch(
      (thrown: unknown) => thrown,
    )) as PipelineError
    assert.equal(error.retryable, true)
    assert.match(error.statusText, /^Kafka: .{5,33}$/)
    assert.doesNotMatch(`${error.message} ${error.statusText} ${String(error.cause)}`, /canary/)
    return error
  }

  it('is asked by the client credentials grant, for a scope if one is given', async () => {
    await clientCredentials(endpoint())()
    await clientCredentials(endpoint({ scope: 'kafka other' }))()
    assert.deepEqual(
      server.asked.map((form) => Object.fromEntries(form)),
      [{ grant_type: 'client_credentials' }, { grant_type: 'client_credentials', scope: 'kafka other' }],
    )
  })

  it('is asked once for all that log in at the same time, and again a minute before the token expires', async () => {
    const token = clientCredentials(endpoint(), now)
    const tokens = await Promise.all([token(), token(), token()])
    assert.equal(new Set(tokens).size, 1)
    nowMs += (3600 - 60) * 1000 - 1
    assert.equal(await token(), tokens[0])
    assert.equal(server.asked.length, 1)
    nowMs += 1
    await token()
    assert.equal(server.asked.length, 2)
  })

  it('is asked again after half of the life of a short token, and each time when it has no expiry', async () => {
    const short = clientCredentials(endpoint(), now)
    server.lifeSeconds = 30
    await short()
    nowMs += 14_999
    await short()
    assert.equal(server.asked.length, 1)
    nowMs += 1
    await short()
    assert.equal(server.asked.length, 2)
    server.lifeSeconds = undefined
    const unknown = clientCredentials(endpoint(), now)
    await unknown()
    await unknown()
    assert.equal(server.asked.length, 4)
  })

  it('is asked again after a failure', async () => {
    const token = clientCredentials(endpoint())
    server.answer = { status: 503, body: 'busy' }
    await assert.rejects(token(), { code: 'KAFKA_TOKEN_UNREACHABLE' })
    server.answer = undefined
    assert.match(await token(), /\./)
  })

  it('says that the secret is wrong, and never repeats it', async () => {
    const error = await failure({ clientSecret: 'wrong canary' })
    assert.equal(error.code, 'KAFKA_TOKEN_REFUSED')
    assert.match(error.message, /401 invalid_client; check client id, client secret and scope$/)
  })

  it('says that it is down, or silent', async () => {
    const away = await failure({ url: `http://127.0.0.1:${await freePort()}/token` })
    assert.equal(away.code, 'KAFKA_TOKEN_UNREACHABLE')
    assert.match(away.message, /127\.0\.0\.1:\d+ cannot be reached: ECONNREFUSED/)
    server.answer = 'silence'
    const silent = await failure({ timeoutMs: 100 })
    assert.equal(silent.code, 'KAFKA_TOKEN_UNREACHABLE')
    assert.match(silent.message, /no answer within 100 ms/)
  })

  it('is not followed to another place with the secret', async () => {
    server.answer = { status: 307, body: '' }
    assert.notEqual((await failure()).code, undefined)
    assert.equal(server.asked.length, 1)
  })

  const useless: readonly (readonly [string, Answer, RegExp])[] = [
    ['is not JSON', { status: 200, body: '<html>canary</html>' }, /is not JSON; check its URL$/],
    ['has no token', { status: 200, body: '{"token":"canary"}' }, /has no access_token/],
    [
      'has a token with a line end',
      { status: 200, body: '{"access_token":"canary\\n"}' },
      /has no access_token/,
    ],
    ['is a number', { status: 200, body: '7' }, /is not JSON/],
  ]
  for (const [what, answer, message] of useless) {
    it(`says that its answer is of no use when it ${what}`, async () => {
      server.answer = answer
      const error = await failure()
      assert.equal(error.code, 'KAFKA_TOKEN_INVALID')
      assert.match(error.message, message)
    })
  }
})
