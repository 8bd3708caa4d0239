import assert from 'node:assert/strict'
import type { Completion } from '../../../src/batching/lane'
import { link, type Message } from '../../../src/delivery/message-link'
import { storeMessage } from '../../../src/delivery/sink-message'
import { DeliveryTracker } from '../../../src/delivery/tracker'
import { PipelineError } from '../../../src/runtime/errors'
import type { WireRecord } from '../../../src/runtime/wire'

const permanent = new PipelineError('BAD', 'bad record', { retryable: false })
const transient = new PipelineError('DOWN', 'down', { retryable: true })

function setUp({ wired = true } = {}) {
  const tracker = new DeliveryTracker({ now: () => 0, nextMacrotask: () => undefined })
  const delivery = tracker.openDelivery('m1', 'source', 1000, () => undefined)
  const writes: { record: WireRecord; completion: Completion }[] = []
  const sent: Message[] = []
  const done: (PipelineError | undefined)[] = []
  let late = 0
  const host = {
    tracker,
    isWired: () => wired,
    describe: ({ message }: PipelineError) => ({ message, source: { id: 'sink', type: 'sink' } }),
    onLate: () => late++,
    onRejected: () => undefined,
  }
  const store = (message: Message, linked = true): void => {
    if (linked) link(message, delivery)
    storeMessage(
      message,
      host,
      (record, completion) => writes.push({ record, completion }),
      (out) => sent.push(out),
      (error) => done.push(error),
    )
  }
  const completion = (at: number): Completion => (writes[at] as { completion: Completion }).completion
  return { tracker, delivery, writes, sent, done, store, completion, late: () => late }
}

describe('a message in a sink', () => {
  it('is held, then confirmed, then done', () => {
    const { delivery, store, completion, done } = setUp()
    store({ payload: 'x' })
    assert.equal(delivery.holders, 1)
    completion(0).stored()
    assert.deepEqual([delivery.holders, delivery.confirmed], [0, true])
    assert.deepEqual(done, [undefined])
  })

  it('whose batch begins with nothing is not done before the rest is stored', () => {
    const { delivery, store, completion, writes, done } = setUp()
    const payload: unknown[] = []
    payload[1] = { payload: 1 }
    store({ batch: true, payload })
    assert.equal(writes.length, 2)
    assert.deepEqual([done.length, delivery.holders], [0, 1])
    completion(0).stored()
    completion(1).stored()
    assert.deepEqual(done, [undefined])
  })

  it('whose reject cannot be sent on fails, and may be tried again', () => {
    const tracker = new DeliveryTracker({ now: () => 0, nextMacrotask: () => undefined })
    const done: (PipelineError | undefined)[] = []
    storeMessage(
      { payload: 'x' },
      {
        tracker,
        isWired: () => true,
        describe: ({ message }) => ({ message, source: { id: 'sink', type: 'sink' } }),
        onLate: () => undefined,
        onRejected: () => undefined,
      },
      (_record, completion) => completion.failed(permanent),
      () => {
        throw new Error('a node behind')
      },
      (error) => done.push(error),
    )
    assert.deepEqual(
      done.map((error) => error?.retryable),
      [true],
    )
  })

  it('of many records is confirmed when the last one is stored', () => {
    const { delivery, store, completion, writes, done } = setUp()
    store({ batch: true, payload: [{ payload: 1 }, { payload: 2 }, { payload: 3 }] })
    assert.deepEqual(
      writes.map(({ record }) => record.payload),
      [1, 2, 3],
    )
    completion(1).stored()
    completion(2).stored()
    assert.equal(delivery.confirmed, false)
    completion(0).stored()
    assert.equal(delivery.confirmed, true)
    assert.equal(done.length, 1)
  })

  it('sends a bad record out with the reason, under the same delivery', () => {
    const { tracker, delivery, store, completion, sent, done } = setUp()
    store({ batch: true, payload: [{ payload: 1 }, { payload: 2, topic: 'a/b' }] })
    completion(1).failed(permanent)
    completion(0).stored()
    assert.equal(sent.length, 1)
    const [rejected = {}] = sent
    assert.equal(tracker.find(rejected), delivery)
    assert.deepEqual([rejected.payload, rejected.topic, rejected.batch], [2, 'a/b', undefined])
    // As JSON: the link that says which failure an error tells of is none of the flow's business.
    assert.equal(
      JSON.stringify(rejected.error),
      '{"message":"bad record","source":{"id":"sink","type":"sink"}}',
    )
    assert.deepEqual([delivery.confirmed, done], [true, [undefined]])
  })

  it('leaves the fate of a rejected message to the rejected copy', () => {
    const { delivery, store, completion, sent, done } = setUp()
    store({ payload: 'x' })
    completion(0).failed(permanent)
    assert.deepEqual([sent.length, delivery.confirmed, delivery.holders, done], [1, false, 0, [undefined]])
  })

  it('fails for good when nobody takes the rejected record', () => {
    const { delivery, store, completion, sent, done } = setUp({ wired: false })
    store({ batch: true, payload: [{ payload: 1 }, { payload: 2 }, { payload: 3 }] })
    completion(0).stored()
    completion(1).failed(transient)
    completion(2).failed(permanent)
    assert.deepEqual([sent.length, delivery.confirmed, delivery.holders, done], [0, false, 0, [permanent]])
  })

  it('is left alone when another attempt is under way', () => {
    const { tracker, store, writes, done } = setUp()
    tracker.abandon('source')
    store({ payload: 'x' })
    assert.deepEqual([writes.length, done], [0, [undefined]])
  })

  it('is written and reported when its delivery was settled before it came', () => {
    const { delivery, store, completion, late, done } = setUp()
    delivery.settled = 'filtered'
    store({ payload: 'x' })
    completion(0).stored()
    assert.deepEqual([late(), delivery.holders, done], [1, 0, [undefined]])
  })

  it('without a delivery is only written', () => {
    const { delivery, store, completion, done } = setUp()
    store({ payload: 'x' }, false)
    completion(0).stored()
    assert.deepEqual([delivery.confirmed, done], [false, [undefined]])
  })

  it('is written, and rejected, with the attempts that the flow has lost', () => {
    const { delivery, store, completion, writes, sent } = setUp()
    const headers = { 'dead-letter-attempts': '2' }
    link({ payload: 'x', kafka: { offset: 7, headers } }, delivery)
    store({ _msgid: 'm1', payload: 'y' }, false)
    completion(0).failed(permanent)
    assert.deepEqual(writes[0]?.record.kafka, { headers })
    assert.deepEqual(sent[0]?.kafka, { headers })
  })

  it('that is an empty batch is done at once', () => {
    const { delivery, store, done } = setUp()
    store({ batch: true, payload: [] })
    assert.deepEqual([delivery.holders, done], [0, [undefined]])
  })

  it('does not count the failure of a record as stored because a rejected one was', () => {
    const { tracker, delivery, store, completion, sent } = setUp()
    store({ batch: true, payload: [{ payload: 1 }, { payload: 2 }] })
    completion(0).failed(permanent)
    completion(1).failed(transient)
    tracker.openFailure(delivery, 'sink', transient)
    tracker.hold(delivery)
    tracker.confirm(delivery, sent[0] as Message)
    assert.equal(delivery.failures?.size, 1)
  })
})
