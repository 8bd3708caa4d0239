import assert from 'node:assert/strict'
import { Liveness } from '../../../../../src/kafka/drivers/kafkajs/liveness'

const SESSION_MS = 10_000

describe('a client of a consumer group', () => {
  let now: number
  let client: Liveness
  beforeEach(() => {
    now = 0
    client = new Liveness(SESSION_MS, () => now)
  })

  it('works while it fetches as a member', () => {
    for (; now < 10 * SESSION_MS; now += SESSION_MS) {
      client.onHeartbeat()
      assert.equal(client.onFetch(), undefined)
      assert.equal(client.check(), undefined)
    }
  })

  it('has not joined when it fetches before the group has taken it in again', () => {
    client.onRejoining()
    assert.equal(client.onFetch()?.code, 'KAFKA_NOT_JOINED')
    client.onHeartbeat()
    assert.equal(client.onFetch()?.code, 'KAFKA_NOT_JOINED', 'heartbeats do not make a member')
    client.onJoined()
    assert.equal(client.onFetch(), undefined)
  })

  it('was expelled when it fetches without a heartbeat for longer than two sessions', () => {
    now = 2 * SESSION_MS
    assert.equal(client.onFetch(), undefined)
    now += 1
    assert.equal(client.onFetch()?.code, 'KAFKA_NOT_JOINED')
  })

  it('is stuck when it has done nothing at all for three sessions and half a minute', () => {
    now = 3 * SESSION_MS + 30_000
    assert.equal(client.check(), undefined)
    now += 1
    const problem = client.check()
    assert.equal(problem?.code, 'KAFKA_CONSUMER_STUCK')
    assert.equal(problem.retryable, true)
    client.onRejoining()
    assert.equal(client.check(), undefined, 'joining is work')
  })
})
