/** Drives the window with a broker that cuts connections at random, against what a broker must see. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { AcknowledgementWindow, type HeldMessage } from '../../../src/mqtt/acknowledgement-window'
import type { QoS } from '../../../src/mqtt/deferred-acknowledgement'

type Step = 'publish' | 'settle' | 'settleLast' | 'cut' | 'loseSession'

/** A broker with one client: gives each message the lowest free packet id, and repeats in order. */
class Broker {
  readonly inFlight: { readonly packetId: number; readonly text: string }[] = []
  readonly acknowledgedTexts: string[] = []

  publish(text: string): number {
    let packetId = 1
    while (this.inFlight.some((message) => message.packetId === packetId)) packetId++
    this.inFlight.push({ packetId, text })
    return packetId
  }

  acknowledge(packetId: number): void {
    assert.equal(this.inFlight[0]?.packetId, packetId, 'acknowledgements leave in order')
    this.acknowledgedTexts.push(this.inFlight.shift()?.text as string)
  }
}

describe('acknowledgement window, at random', () => {
  for (const qos of [1, 2] as const) {
    it(`acknowledges only what was settled, in order, and emits nothing of QoS ${qos} twice in a session`, () => {
      const steps = fc.array(
        fc.constantFrom<Step>('publish', 'publish', 'settle', 'settleLast', 'cut', 'loseSession'),
        { maxLength: 80 },
      )
      // Devices send the same bytes again and again: only a few texts.
      fc.assert(fc.property(steps, fc.integer({ min: 1, max: 4 }), (run, texts) => play(run, texts, qos)))
    })
  }
})

function play(steps: readonly Step[], texts: number, qos: QoS): void {
  const broker = new Broker()
  const window = new AcknowledgementWindow({ maxMessages: 1000, maxBytes: 1e9 }, ({ packetId }) => {
    broker.acknowledge(packetId)
    // The broker sends PUBREL at once, and may then use the packet id again.
    window.pubrel(packetId)
  })
  const inWork: HeldMessage[] = []
  const counts = { published: 0, emitted: 0, lost: 0 }
  const settledTexts: string[] = []

  const send = (packetId: number, text: string, duplicate: boolean): void => {
    const message = window.arrive({ packetId, qos, duplicate, topic: 't', payload: Buffer.from(text) })
    if (message === undefined) return
    inWork.push(message)
    counts.emitted++
  }
  const settle = (message: HeldMessage | undefined): void => {
    if (message === undefined) return
    settledTexts.push(message.payload.toString())
    window.settle(message)
  }

  window.connected(false)
  for (const step of steps) {
    switch (step) {
      case 'publish': {
        const text = `m${counts.published++ % texts}`
        send(broker.publish(text), text, false)
        break
      }
      case 'settle':
        settle(inWork.shift())
        break
      case 'settleLast':
        settle(inWork.pop())
        break
      case 'cut':
        window.disconnected()
        window.connected(true)
        for (const { packetId, text } of [...broker.inFlight]) send(packetId, text, true)
        break
      case 'loseSession':
        window.disconnected()
        counts.lost += broker.inFlight.splice(0).length
        window.connected(false)
        break
    }
    assert.ok(window.size >= inWork.length)
  }

  for (const message of inWork.splice(0)) settle(message)
  assert.equal(broker.inFlight.length, 0, 'all is acknowledged in the end')
  assert.equal(window.size, 0)
  assert.equal(counts.emitted, counts.published)
  for (const text of new Set(broker.acknowledgedTexts)) {
    const count = (list: readonly string[]): number => list.filter((each) => each === text).length
    assert.ok(count(broker.acknowledgedTexts) <= count(settledTexts), 'nothing is acknowledged unsettled')
  }
}
