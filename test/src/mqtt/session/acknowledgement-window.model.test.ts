/**
 * Drives the window with a broker that cuts connections and is killed at random, against what a broker must see. The client
 * reads in pieces, and not while the window is full, so a connection may end before all repetitions were read.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { AcknowledgementWindow, type HeldMessage } from '../../../../src/mqtt/session/acknowledgement-window'
import type { QoS } from '../../../../src/mqtt/connect/deferred-acknowledgement'

const STEPS = ['publish', 'publish', 'settle', 'settleLast', 'pubrel', 'cut', 'loseSession'] as const
const FAULTS = ['answersAreLost', 'save', 'kill'] as const
type Step = (typeof STEPS)[number] | (typeof FAULTS)[number] | 'publishAndCut'

interface Published {
  readonly packetId: number
  /** Tells messages with the same text apart. */
  readonly serial: number
  readonly text: string
  /** With QoS 2: PUBREC has come, and the packet id is taken until PUBREL is answered. */
  readonly received: boolean
}

/** Messages that are read at once, also when the window has room for fewer. */
const PIECE = 3
const WIDE = 1000
const NARROW = 4

/** A broker with one client: gives each message the lowest free packet id, and repeats in order. */
class Broker {
  private inFlight: Published[] = []
  private saved: readonly Published[] = []
  /** Sent on this connection and not acknowledged, in order. */
  private toAnswer: Published[] = []
  private published = 0
  /** What the client writes does not come through until the connection is cut. */
  deaf = false

  constructor(private readonly qos: QoS) {}

  get unanswered(): number {
    return this.inFlight.filter(({ received }) => !received).length
  }

  publish(texts: number): Published {
    let packetId = 1
    while (this.inFlight.some((message) => message.packetId === packetId)) packetId++
    const serial = this.published++
    const message = { packetId, serial, text: `m${serial % texts}`, received: false }
    this.inFlight.push(message)
    this.toAnswer.push(message)
    return message
  }

  /** @returns what the client has acknowledged by this */
  acknowledge(packetId: number): Published {
    const message = this.toAnswer.shift()
    assert.equal(message?.packetId, packetId, 'acknowledgements leave in order')
    if (this.deaf) return message
    this.inFlight = this.inFlight.flatMap((each) =>
      each.serial !== message.serial ? [each] : this.qos === 2 ? [{ ...each, received: true }] : [],
    )
    return message
  }

  /** @returns the packet id that is free now */
  pubrel(): number | undefined {
    const message = this.inFlight.find(({ received }) => received)
    this.inFlight = this.inFlight.filter((each) => each !== message)
    return message?.packetId
  }

  /** @returns what is sent again on the new connection */
  cut(): readonly Published[] {
    this.deaf = false
    this.toAnswer = this.inFlight.filter(({ received }) => !received)
    return [...this.toAnswer]
  }

  loseSession(): void {
    this.inFlight = []
    this.saved = []
    this.cut()
  }

  save(): void {
    this.saved = [...this.inFlight]
  }

  /** Comes back with the session as it was saved: what was sent since then is gone, and packet ids are free again. */
  kill(): void {
    this.inFlight = [...this.saved]
  }
}

const runsOf = (steps: readonly Step[]) => fc.array(fc.constantFrom(...steps), { maxLength: 80, size: 'max' })
/** Devices send the same bytes again and again: only a few texts. */
const fewTexts = fc.integer({ min: 1, max: 4 })
const manyTexts = fc.constant(1000)

describe('acknowledgement window, at random', () => {
  for (const qos of [1, 2] as const) {
    it(`acknowledges only what was settled, in order, and emits nothing of QoS ${qos} twice in a session`, () => {
      fc.assert(
        fc.property(runsOf(STEPS), fewTexts, (run, texts) => {
          const { published, emitted } = play(run, texts, qos)
          assert.equal(emitted, published)
        }),
      )
    })

    it(`does so when the window is full before all repetitions of QoS ${qos} were read, however often`, () => {
      fc.assert(
        fc.property(runsOf(STEPS), manyTexts, (run, texts) => {
          const { published, emitted } = play(run, texts, qos, NARROW)
          assert.equal(emitted, published)
        }),
        { numRuns: 500 },
      )
    })

    it(`acknowledges only what was settled, whatever a broker that was killed has forgotten (QoS ${qos})`, () => {
      fc.assert(
        fc.property(runsOf([...STEPS, ...FAULTS]), fewTexts, (run, texts) => {
          const { published, emitted } = play(run, texts, qos)
          assert.ok(emitted >= published)
        }),
        { numRuns: 500 },
      )
    })

    // With the same text as well as the same packet id, nothing could tell the new message from the old one.
    it(`does so when a new message has never arrived without DUP (QoS ${qos})`, () => {
      fc.assert(
        fc.property(runsOf([...STEPS, ...FAULTS, 'publishAndCut']), manyTexts, (run, texts) => {
          const { published, emitted } = play(run, texts, qos)
          assert.ok(emitted >= published)
        }),
        { numRuns: 500 },
      )
    })
  }

  it('emits nothing of QoS 2 twice when answers are lost', () => {
    fc.assert(
      fc.property(runsOf([...STEPS, 'answersAreLost']), fewTexts, (run, texts) => {
        const { published, emitted } = play(run, texts, 2)
        assert.equal(emitted, published)
      }),
    )
  })
})

function play(
  steps: readonly Step[],
  texts: number,
  qos: QoS,
  maxMessages = WIDE,
): { published: number; emitted: number } {
  const broker = new Broker(qos)
  const arrived = new Set<number>()
  const settled = new Set<number>()
  const window = new AcknowledgementWindow({ maxMessages, maxBytes: 1e9 }, ({ packetId }) => {
    const { serial, text } = broker.acknowledge(packetId)
    assert.ok(settled.has(serial), `${text} is acknowledged unsettled`)
  })
  const inWork: { readonly message: HeldMessage; readonly serial: number }[] = []
  const counts = { published: 0, emitted: 0 }
  /** On the way to the client. */
  let sent: { readonly publish: Published; readonly duplicate: boolean }[] = []

  const arrive = ({ packetId, serial, text }: Published, duplicate: boolean): void => {
    arrived.add(serial)
    const message = window.arrive({ packetId, qos, duplicate, topic: 't', payload: Buffer.from(text) })
    if (message === undefined) return
    inWork.push({ message, serial })
    counts.emitted++
  }
  const read = (): void => {
    while (sent.length > 0 && !window.full)
      for (const { publish, duplicate } of sent.splice(0, PIECE)) arrive(publish, duplicate)
  }
  const publish = (): void => {
    counts.published++
    sent.push({ publish: broker.publish(texts), duplicate: false })
  }
  const settle = (one: (typeof inWork)[number] | undefined): void => {
    if (one === undefined) return
    settled.add(one.serial)
    window.settle(one.message)
    read()
  }
  const reconnect = (): void => {
    const again = broker.cut()
    window.disconnected()
    window.connected(true)
    sent = again.map((each) => ({ publish: each, duplicate: true }))
    read()
  }

  window.connected(false)
  for (const step of steps) {
    switch (step) {
      case 'publish':
        publish()
        read()
        break
      case 'publishAndCut':
        publish()
        reconnect()
        break
      case 'settle':
        settle(inWork.shift())
        break
      case 'settleLast':
        settle(inWork.pop())
        break
      case 'pubrel': {
        const packetId = broker.pubrel()
        if (packetId !== undefined) window.pubrel(packetId)
        break
      }
      case 'cut':
        reconnect()
        break
      case 'loseSession':
        broker.loseSession()
        counts.published -= sent.filter(({ publish }) => !arrived.has(publish.serial)).length
        sent = []
        window.disconnected()
        window.connected(false)
        break
      case 'answersAreLost':
        broker.deaf = true
        break
      case 'save':
        broker.save()
        break
      case 'kill':
        broker.kill()
        reconnect()
        break
    }
    assert.ok(window.size >= inWork.length)
  }

  reconnect()
  while (inWork.length > 0) settle(inWork.shift())
  assert.equal(broker.unanswered, 0, 'all is acknowledged in the end')
  assert.equal(window.size, 0)
  return counts
}
