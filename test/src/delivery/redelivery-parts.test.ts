import { receive } from '../../../src/delivery/sinks/receipt'
import assert from 'node:assert/strict'
import { linkedDelivery } from '../../../src/delivery/message-link'
import type { Delivery } from '../../../src/delivery/delivery'
import {
  FAILED_MESSAGES,
  MESSAGES,
  Redelivery,
  type RedeliveryOptions,
} from '../../../src/delivery/redelivery'
import { DeliveryTracker } from '../../../src/delivery/tracker'
import { PipelineError } from '../../../src/wire/errors'
import { type Message, recordsOf } from '../../../src/wire/message'
import { until } from '../../support/until'

const flow = { id: 'flow' }
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A redelivery of strings; what it sends is answered by hand. */
function harness(options: Partial<RedeliveryOptions<string>> = {}) {
  const tracker = new DeliveryTracker({ now: () => performance.now(), nextMacrotask: setImmediate })
  const sent: { output: number; text: string; message: Message }[] = []
  const settled: string[] = []
  const redelivery = new Redelivery<string>({
    tracker,
    gateOpen: () => true,
    sourceId: 'source',
    deliveryTimeoutMs: 60_000,
    maxAttempts: 0,
    send: (output, message) => {
      const delivery = linkedDelivery(message) as Delivery
      tracker.copySent(delivery)
      tracker.copyPlaced(delivery, flow)
      tracker.copyReceived(delivery, flow)
      sent.push({ output, text: String(message.text ?? message.payload), message })
    },
    isWired: () => true,
    compose: (text) => ({ payload: text }),
    sizeOf: ({ length }) => length,
    split: () => [],
    onSettled: (text) => settled.push(text),
    whenFiltered: 'acknowledge',
    onFiltered: () => undefined,
    ...options,
  })
  const end = async (index: number, error?: PipelineError): Promise<void> => {
    const { message } = sent[index] as { message: Message }
    const delivery = linkedDelivery(message) as Delivery
    if (error === undefined) {
      tracker.hold(delivery)
      tracker.confirm(delivery, message)
    } else {
      tracker.openFailure(delivery, flow.id, error)
    }
    tracker.copyEnded(delivery, flow)
    await nextTurn()
  }
  /** A sink stores all records of a batch but one. */
  const endPart = async (index: number, failed: string, error = passing): Promise<void> => {
    const { message } = sent[index] as { message: Message }
    const receipt = receive(tracker, message)
    const records = recordsOf(message)
    const bad = records.filter(({ payload }) => payload === failed)
    const rejecter = {
      tracker,
      nodeId: flow.id,
      describe: () => ({ message: '', source: flow }),
      mayEnd: false,
    }
    const stored = records.filter((record) => !bad.includes(record))
    if (bad.length === 0) receipt?.confirm()
    else receipt?.fail(rejecter as never, error, stored, [{ record: bad[0], error }])
    tracker.copyEnded(linkedDelivery(message) as Delivery, flow)
    await nextTurn()
  }
  return { tracker, redelivery, sent, settled, endPart, end, texts: () => sent.map(({ text }) => text) }
}

const passing = new PipelineError('TEST', 'not now', { retryable: true })
const permanent = new PipelineError('TEST', 'never', { retryable: false })
const halves = (text: string): string[] =>
  text.length < 2 ? [] : [text.slice(0, text.length >> 1), text.slice(text.length >> 1)]

describe('Redelivery of parts, and of what has another owner', () => {
  it('sends the parts of what failed for good one after the other, in order', async () => {
    const { redelivery, sent, settled, end, texts } = harness({ split: halves, partsInOrder: true })
    redelivery.emit('abcd')
    await end(0, permanent)
    assert.deepEqual(texts(), ['abcd', 'ab'])
    await end(1, permanent)
    assert.deepEqual(texts().slice(2), ['a'])
    await end(2, permanent)
    assert.deepEqual(sent[3]?.output, FAILED_MESSAGES)
    await end(3)
    assert.deepEqual(texts().slice(4), ['b'])
    await end(4)
    await end(5)
    assert.deepEqual(settled, ['a', 'b', 'cd'])
    assert.equal(redelivery.size, 0)
  })

  it('sends what came too late for its batch to the second output: a sink would take it for written', async () => {
    const { tracker, redelivery, sent } = harness({
      split: halves,
      compose: (text) => ({ batch: true, text, payload: [...text].map((payload) => ({ payload })) }),
      without: (text, places) => [...text].filter((_letter, place) => !places.has(place)).join(''),
    })
    redelivery.emit('abcd')
    const { message } = sent[0] as { message: Message }
    const delivery = linkedDelivery(message) as Delivery
    const [stored, ...late] = recordsOf(message).slice(0, 3)
    delivery.joined = [stored]
    const error = new PipelineError('LATE_COPY', 'too late', { retryable: false })
    for (const record of late) tracker.openFailure(delivery, 'join', error, record as Message)
    receive(tracker, { ...message, payload: [stored] })?.confirm()
    tracker.copyEnded(delivery, flow)
    await nextTurn()
    // The last one was dropped on purpose.
    assert.deepEqual([sent[1]?.output, sent[1]?.text], [FAILED_MESSAGES, 'bc'])
  })

  it('drops what waits for another attempt and has another owner by now', async () => {
    let isWanted = true
    const dropped: string[] = []
    const { redelivery, sent, settled, end } = harness({
      isWanted: () => isWanted,
      onDropped: (text) => dropped.push(text),
    })
    redelivery.emit('waits')
    redelivery.emit('out')
    await end(0, passing)
    isWanted = false
    redelivery.dropUnwanted()
    assert.deepEqual(dropped, ['waits'])
    await end(1, passing)
    assert.deepEqual(dropped, ['waits', 'out'])
    assert.equal(sent.length, 2)
    assert.deepEqual(settled, [])
    assert.equal(redelivery.size, 0)
    const { handedBack, inFlight } = redelivery.account
    assert.deepEqual({ handedBack, inFlight }, { handedBack: 'waits'.length + 'out'.length, inFlight: 0 })
  })

  it('counts the parts that wait their turn as handed back with the one that is dropped', async () => {
    let isWanted = true
    const { redelivery, end } = harness({ split: halves, partsInOrder: true, isWanted: () => isWanted })
    redelivery.emit('abcd')
    await end(0, permanent)
    isWanted = false
    await end(1, passing)
    const { handedBack, delivered, inFlight } = redelivery.account
    assert.deepEqual({ handedBack, delivered, inFlight }, { handedBack: 4, delivered: 0, inFlight: 0 })
  })

  for (const [why, error, again] of [
    ['for now', passing, ['abcd', 'c']],
    ['for good', permanent, ['abcd', 'c']],
  ] as const) {
    it(`sends only the record again that has failed ${why}: its neighbors are stored, and settled at once`, async () => {
      const { redelivery, sent, settled, texts, endPart } = harness({
        compose: (text, failure) => ({
          batch: true,
          text,
          payload: [...text].map((payload) => ({ payload })),
          error: failure,
        }),
        split: (text) => [...text],
        without: (text, stored) => {
          settled.push([...text].filter((_letter, place) => stored.has(place)).join(''))
          return [...text].filter((_letter, place) => !stored.has(place)).join('')
        },
      })
      redelivery.emit('abcd')
      await endPart(0, 'c', error)
      assert.deepEqual(settled, ['abd'])
      await until('it is sent again', () => sent.length === 2)
      assert.deepEqual(texts(), again)
      assert.equal(sent[1]?.output, error.retryable ? MESSAGES : FAILED_MESSAGES)
      await endPart(1, '')
      assert.deepEqual(settled, ['abd', 'c'])
      assert.equal(redelivery.size, 0)
    })
  }
})
