import assert from 'node:assert/strict'
import type { Message } from '../../../src/wire/message'
import { routeMessage } from '../../../src/tenant/route-message'
import { TopicRouter } from '../../../src/tenant/topic-router'

const router = new TopicRouter({
  pattern: 'rt/{tenant}/{device}',
  allowedTenant: '[a-z]+',
  allowedProject: '[a-z]+',
  strategy: 'shared',
  kafkaTopic: 'iot-messages',
  topicTemplate: '',
  keyTemplate: '',
})

describe('routing a message', () => {
  it('takes a message in place', () => {
    const message: Message = { topic: 'rt/acme/d1' }
    assert.deepEqual(routeMessage(router, message), { routed: [message], unrouted: [] })
    assert.equal(message.tenant, 'acme')
  })

  it('leaves an unmatched message unchanged', () => {
    const message: Message = { topic: 'other', payload: 'x' }
    const { routed, unrouted } = routeMessage(router, message)
    assert.deepEqual(routed, [])
    assert.equal(unrouted[0]?.record, message)
    assert.equal(unrouted[0]?.error.code, 'TOPIC_NO_MATCH')
    assert.equal('tenant' in message, false)
  })

  it('separates the records of a batch, and what is no record', () => {
    const bytes = Buffer.from('rt/acme/d1')
    const hostile = {
      get topic(): string {
        throw new RangeError('a getter')
      },
    }
    const payload = [
      { topic: 'rt/acme/d1', payload: 1 },
      { topic: 'other', payload: 2 },
      { topic: 'rt/acme/d2', payload: 3 },
      { topic: 'rt/ACME/d2', payload: 4 },
      null,
      bytes,
      hostile,
    ]
    const { routed, unrouted } = routeMessage(router, { batch: true, payload })
    assert.deepEqual(routed, [payload[0], payload[2]])
    assert.deepEqual(
      unrouted.map(({ record, error }) => [record, error.code, error.retryable]),
      [
        [payload[1], 'TOPIC_NO_MATCH', false],
        [payload[3], 'NAME_NOT_ALLOWED', false],
        [null, 'RECORD_INVALID', false],
        [bytes, 'RECORD_INVALID', false],
        [hostile, 'RECORD_INVALID', false],
      ],
    )
  })
})
