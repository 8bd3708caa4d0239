import assert from 'node:assert/strict'
import { Delivery } from '../../../src/delivery/delivery'
import { link, linkedDelivery, type Message } from '../../../src/delivery/message-link'
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

function linked(message: Message): Message {
  link(message, new Delivery('id-1', 'source', 1000, 0, () => undefined))
  return message
}

describe('routing a message', () => {
  it('passes a message on in place', () => {
    const message = linked({ topic: 'rt/acme/d1' })
    assert.deepEqual(routeMessage(router, message), { routed: message, unrouted: [] })
    assert.equal(message.tenant, 'acme')
  })

  it('hands an unmatched message back as it came', () => {
    const message = linked({ topic: 'other', payload: 'x' })
    const { routed, unrouted } = routeMessage(router, message)
    assert.equal(routed, undefined)
    assert.equal(unrouted[0]?.message, message)
    assert.equal(unrouted[0]?.error.code, 'TOPIC_NO_MATCH')
    assert.equal('tenant' in message, false)
  })

  it('takes unmatched records out of a batch, each as a message of the same delivery', () => {
    const message = linked({
      batch: true,
      payload: [
        { topic: 'rt/acme/d1', payload: 1 },
        { topic: 'other', payload: 2, receivedAt: 5 },
        { topic: 'rt/acme/d2', payload: 3 },
        { topic: 'rt/ACME/d2', payload: 4 },
      ],
    })
    const { routed, unrouted } = routeMessage(router, message)
    assert.equal(routed, message)
    assert.deepEqual(
      (message.payload as { payload: number }[]).map(({ payload }) => payload),
      [1, 3],
    )
    assert.deepEqual(
      unrouted.map(({ message, error }) => [message.payload, error.code]),
      [
        [2, 'TOPIC_NO_MATCH'],
        [4, 'NAME_NOT_ALLOWED'],
      ],
    )
    assert.equal(unrouted[0]?.message.receivedAt, 5)
    for (const { message: reject } of unrouted) {
      assert.equal(linkedDelivery(reject), linkedDelivery(message))
      assert.equal(reject._msgid, 'id-1')
    }
  })

  it('passes nothing on when no record of a batch has a route', () => {
    const message = linked({ batch: true, payload: [{ topic: 'other' }] })
    assert.equal(routeMessage(router, message).routed, undefined)
  })
})
