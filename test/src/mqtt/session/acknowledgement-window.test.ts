import assert from 'node:assert/strict'
import { AcknowledgementWindow, type HeldMessage } from '../../../../src/mqtt/session/acknowledgement-window'
import type { QoS } from '../../../../src/mqtt/connect/deferred-acknowledgement'

interface Publish {
  readonly packetId?: number
  readonly qos?: QoS
  readonly duplicate?: boolean
  readonly topic?: string
  readonly text?: string
}

function setUp(maxMessages = 100, maxBytes = 1_000_000) {
  const acknowledged: number[] = []
  const window = new AcknowledgementWindow({ maxMessages, maxBytes }, ({ packetId }) =>
    acknowledged.push(packetId),
  )
  const arrive = ({
    packetId = 1,
    qos = 1,
    duplicate = false,
    topic = 't',
    text = `m${packetId}`,
  }: Publish = {}) => window.arrive({ packetId, qos, duplicate, topic, payload: Buffer.from(text) })
  window.connected(false)
  return { window, acknowledged, arrive, arriveNew: (publish?: Publish) => arrive(publish) as HeldMessage }
}

describe('acknowledgement window', () => {
  it('acknowledges in the order of arrival, whatever is settled first', () => {
    const { window, acknowledged, arriveNew } = setUp()
    const messages = [1, 2, 3].map((packetId) => arriveNew({ packetId }))
    window.settle(messages[2] as HeldMessage)
    window.settle(messages[1] as HeldMessage)
    assert.deepEqual(acknowledged, [])
    window.settle(messages[0] as HeldMessage)
    assert.deepEqual(acknowledged, [1, 2, 3])
    assert.equal(window.size, 0)
  })

  it('never acknowledges QoS 0, and counts it while it is in work', () => {
    const { window, acknowledged, arriveNew } = setUp()
    const message = arriveNew({ packetId: 0, qos: 0 })
    assert.equal(window.size, 1)
    window.settle(message)
    assert.equal(window.size, 0)
    assert.deepEqual(acknowledged, [])
  })

  it('acknowledges nothing on a connection to which the message did not belong', () => {
    const { window, acknowledged, arriveNew } = setUp()
    const message = arriveNew({ packetId: 1 })
    window.disconnected()
    window.connected(true)
    window.settle(message)
    assert.deepEqual(acknowledged, [])
    assert.equal(window.size, 0)
  })

  it('joins a repetition to the message that is still in work', () => {
    const { window, acknowledged, arrive, arriveNew } = setUp()
    const message = arriveNew({ packetId: 7 })
    window.disconnected()
    window.connected(true)
    assert.equal(arrive({ packetId: 7, duplicate: true }), undefined)
    assert.equal(window.size, 1)
    window.settle(message)
    assert.deepEqual(acknowledged, [7])
    assert.equal(window.size, 0)
  })

  it('acknowledges a repetition at once when the message was settled meanwhile', () => {
    const { window, acknowledged, arrive, arriveNew } = setUp()
    const message = arriveNew({ packetId: 7 })
    window.disconnected()
    window.settle(message)
    window.connected(true)
    assert.equal(arrive({ packetId: 7, duplicate: true }), undefined)
    assert.deepEqual(acknowledged, [7])
    assert.equal(window.size, 0)
  })

  it('remembers what was settled but had to wait for an older message', () => {
    const { window, acknowledged, arrive, arriveNew } = setUp()
    const older = arriveNew({ packetId: 1 })
    window.settle(arriveNew({ packetId: 2 }))
    window.disconnected()
    assert.equal(window.size, 1)
    window.connected(true)
    assert.equal(arrive({ packetId: 1, duplicate: true }), undefined)
    assert.equal(arrive({ packetId: 2, duplicate: true }), undefined)
    assert.deepEqual(acknowledged, [])
    window.settle(older)
    assert.deepEqual(acknowledged, [1, 2])
  })

  it('does not join after the acknowledgement was written: the packet id may belong to another message', () => {
    const { window, arrive, arriveNew } = setUp()
    window.settle(arriveNew({ packetId: 7 }))
    window.disconnected()
    window.connected(true)
    assert.notEqual(arrive({ packetId: 7, duplicate: true }), undefined)
  })

  for (const [what, other] of [
    ['is not marked as a repetition', { duplicate: false }],
    ['has another topic', { topic: 'other' }],
    ['has other bytes', { text: 'other' }],
    ['has another QoS', { qos: 2 }],
  ] as const) {
    it(`takes a message with a known packet id for a new one when it ${what}`, () => {
      const { window, arrive, arriveNew } = setUp()
      arriveNew({ packetId: 7 })
      window.disconnected()
      window.connected(true)
      assert.notEqual(arrive({ packetId: 7, duplicate: true, ...other }), undefined)
    })
  }

  it('joins nothing after the session was lost', () => {
    const { window, acknowledged, arrive, arriveNew } = setUp()
    const message = arriveNew({ packetId: 7 })
    window.disconnected()
    window.connected(false)
    assert.notEqual(arrive({ packetId: 7, duplicate: true }), undefined)
    window.settle(message)
    assert.deepEqual(acknowledged, [])
  })

  it('ignores a repetition on the same connection', () => {
    const { window, acknowledged, arrive, arriveNew } = setUp()
    const message = arriveNew({ packetId: 7 })
    assert.equal(arrive({ packetId: 7, duplicate: true }), undefined)
    window.settle(message)
    assert.deepEqual(acknowledged, [7])
  })

  it('answers a QoS 2 repetition after PUBREC, and emits it again only after PUBREL', () => {
    const { window, acknowledged, arrive, arriveNew } = setUp()
    window.settle(arriveNew({ packetId: 7, qos: 2 }))
    window.disconnected()
    window.connected(true)
    assert.equal(arrive({ packetId: 7, qos: 2, duplicate: true }), undefined)
    assert.deepEqual(acknowledged, [7, 7])
    window.pubrel(7)
    assert.notEqual(arrive({ packetId: 7, qos: 2 }), undefined)
  })

  for (const [what, other] of [
    ['is not marked as a repetition', { duplicate: false }],
    ['has another topic', { topic: 'other' }],
    ['has other bytes', { text: 'other' }],
    ['has another QoS', { qos: 1 }],
  ] as const) {
    it(`takes a message with a packet id that waits for PUBREL for a new one when it ${what}`, () => {
      const { window, acknowledged, arrive, arriveNew } = setUp()
      window.settle(arriveNew({ packetId: 7, qos: 2 }))
      window.disconnected()
      window.connected(true)
      const message = arrive({ packetId: 7, qos: 2, duplicate: true, ...other })
      assert.ok(message !== undefined)
      assert.deepEqual(acknowledged, [7], 'nothing more before it is settled')
      window.settle(message)
      assert.deepEqual(acknowledged, [7, 7])
    })
  }

  it('answers a QoS 2 repetition in its turn, after an older one that is in work again', () => {
    const { window, acknowledged, arrive, arriveNew } = setUp()
    for (const packetId of [1, 2]) window.settle(arriveNew({ packetId, qos: 2 }))
    window.pubrel(1)
    window.disconnected()
    window.connected(true)
    const older = arriveNew({ packetId: 1, qos: 2, duplicate: true })
    assert.equal(arrive({ packetId: 2, qos: 2, duplicate: true }), undefined)
    assert.deepEqual(acknowledged, [1, 2])
    window.settle(older)
    assert.deepEqual(acknowledged, [1, 2, 1, 2])
    assert.equal(window.size, 0)
  })

  it('does not answer the repetition of a new message for the old one with the same packet id and bytes', () => {
    const { window, acknowledged, arrive, arriveNew } = setUp()
    window.settle(arriveNew({ packetId: 7, qos: 2 }))
    window.disconnected()
    window.connected(true)
    const message = arriveNew({ packetId: 7, qos: 2 })
    window.disconnected()
    window.connected(true)
    assert.equal(arrive({ packetId: 7, qos: 2, duplicate: true }), undefined)
    assert.deepEqual(acknowledged, [7])
    window.settle(message)
    assert.deepEqual(acknowledged, [7, 7])
  })

  it('is full by count and by bytes, and half free at half of both', () => {
    const { window, arriveNew } = setUp(4, 1000)
    const messages = [1, 2, 3, 4].map((packetId) => arriveNew({ packetId }))
    assert.equal(window.full, true)
    window.settle(messages[0] as HeldMessage)
    assert.equal(window.full, false)
    assert.equal(window.halfFree, false)
    window.settle(messages[1] as HeldMessage)
    assert.equal(window.halfFree, true)
    arriveNew({ packetId: 5, text: 'x'.repeat(1000) })
    assert.equal(window.full, true)
  })

  it('counts each message once, over any number of connections', () => {
    const { window, arrive, arriveNew } = setUp()
    const message = arriveNew({ packetId: 1 })
    for (let connection = 0; connection < 4; connection++) {
      window.disconnected()
      window.connected(true)
      arrive({ packetId: 1, duplicate: true })
      assert.equal(window.size, 1)
    }
    window.settle(message)
    window.settle(message)
    assert.equal(window.size, 0)
  })
})
