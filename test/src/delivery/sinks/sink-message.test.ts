import { receive } from '../../../../src/delivery/sinks/receipt'
import assert from 'node:assert/strict'
import type { Completion } from '../../../../src/batching/lane'
import type { Settlement } from '../../../../src/delivery/delivery'
import { link, linkFailure } from '../../../../src/delivery/message-link'
import { numberRecords } from '../../../../src/delivery/record-number'
import { storeMessage } from '../../../../src/delivery/sinks/sink-message'
import { DeliveryTracker } from '../../../../src/delivery/tracker'
import { PipelineError } from '../../../../src/wire/errors'
import type { Message, WireRecord } from '../../../../src/wire/message'

const permanent = new PipelineError('BAD', 'bad record', { retryable: false })
const transient = new PipelineError('DOWN', 'down', { retryable: true })

function setUp({ wired = true, mayEnd = false } = {}) {
  const turns: (() => void)[] = []
  const tracker = new DeliveryTracker({ now: () => 0, nextMacrotask: (run) => turns.push(run) })
  let settlement: Settlement | undefined
  const delivery = tracker.openDelivery('m1', 'source', 1000, (end) => (settlement = end))
  /** The flow has ended. */
  const end = (): Settlement | undefined => {
    delivery.wasSent = true
    tracker.emitted(delivery)
    for (const run of turns.splice(0)) run()
    return settlement
  }
  const writes: { record: WireRecord; completion: Completion }[] = []
  const sent: Message[] = []
  const done: (PipelineError | undefined)[] = []
  let late = 0
  const host = {
    tracker,
    nodeId: 'sink',
    mayEnd,
    isWired: () => wired,
    describe: ({ message }: PipelineError) => ({ message, source: { id: 'sink', type: 'sink' } }),
    onLate: () => late++,
    onRejected: () => undefined,
  }
  const store = (message: Message, linked = true): void => {
    if (linked) {
      link(message, delivery)
      delivery.size = numberRecords(message)
    }
    storeMessage(
      message,
      host,
      (record, completion) => writes.push({ record, completion }),
      (out) => sent.push(out),
      (error) => done.push(error),
    )
  }
  const completion = (at: number): Completion => (writes[at] as { completion: Completion }).completion
  return { tracker, delivery, writes, sent, done, store, completion, late: () => late, end }
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
    assert.equal(writes.length, 1)
    assert.deepEqual([done.length, delivery.holders], [0, 1])
    completion(0).stored()
    assert.deepEqual(done, [undefined])
  })

  it('whose reject cannot be sent on fails, and may be tried again', () => {
    const tracker = new DeliveryTracker({ now: () => 0, nextMacrotask: () => undefined })
    const done: (PipelineError | undefined)[] = []
    storeMessage(
      { payload: 'x' },
      {
        tracker,
        nodeId: 'sink',
        mayEnd: false,
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

  it('that a deploy closes is given back, and never done: its source sends it again without an error', () => {
    const closed = new PipelineError('CLOSED', 'closed by a deploy', { retryable: true, closing: true })
    const { delivery, store, completion, done } = setUp()
    store({ payload: 'x' })
    completion(0).failed(closed)
    assert.deepEqual([delivery.holders, delivery.confirmed, done], [0, false, []])
  })

  it('leaves the fate of a rejected message to the rejected copy', () => {
    const { delivery, store, completion, sent, done } = setUp()
    store({ payload: 'x' })
    completion(0).failed(permanent)
    assert.deepEqual([sent.length, delivery.confirmed, delivery.holders, done], [1, false, 0, [undefined]])
  })

  it('fails for good when no output takes the rejected record', () => {
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
    const { tracker, delivery, store, completion, sent, end } = setUp()
    store({ batch: true, payload: [{ payload: 1 }, { payload: 2 }] })
    completion(0).failed(permanent)
    completion(1).failed(transient)
    receive(tracker, sent[0] as Message)?.confirm()
    assert.equal(delivery.failures?.size, 1)
    assert.deepEqual([end()?.outcome, end()?.error], ['failed', transient])
  })
})

describe('a rejected record', () => {
  const stored = ({ tracker }: ReturnType<typeof setUp>, message: Message | undefined): void =>
    receive(tracker, message as Message)?.confirm()

  for (const [what, message] of [
    ['message', { payload: 'x' }],
    ['record of a batch', { batch: true, payload: [{ payload: 1 }, { payload: 2 }] }],
  ] as const) {
    it(`is a failure when nothing downstream of the output stores the ${what}`, () => {
      const flow = setUp()
      flow.store({ ...message })
      flow.completion(0).failed(permanent)
      if (flow.writes.length > 1) flow.completion(1).stored()
      assert.deepEqual(flow.done, [undefined])
      assert.deepEqual([flow.end()?.outcome, flow.end()?.error], ['failed', permanent])
    })

    it(`is safe when a sink downstream of the output has stored the ${what}`, () => {
      const flow = setUp()
      flow.store({ ...message })
      flow.completion(0).failed(permanent)
      if (flow.writes.length > 1) flow.completion(1).stored()
      stored(flow, flow.sent[0])
      assert.equal(flow.end()?.outcome, 'delivered')
    })

    it(`may end anywhere when that was chosen for the ${what}`, () => {
      const flow = setUp({ mayEnd: true })
      flow.store({ ...message })
      flow.completion(0).failed(permanent)
      if (flow.writes.length > 1) flow.completion(1).stored()
      assert.equal(flow.end()?.outcome, flow.writes.length > 1 ? 'delivered' : 'filtered')
    })
  }

  it('that fails again downstream of the output, and is stored by what catches that, is safe', () => {
    const flow = setUp()
    flow.store({ payload: 'x' })
    flow.completion(0).failed(permanent)
    const caught = { ...flow.sent[0] }
    linkFailure(caught, flow.tracker.openFailure(flow.delivery, 'function', transient, flow.sent[0]))
    stored(flow, caught)
    assert.equal(flow.end()?.outcome, 'delivered')
  })

  for (const element of [null, undefined, Buffer.from('bytes'), 'text', 7, ['a', 'list']]) {
    it(`that is no record at all (${JSON.stringify(element)}) leaves whole, and its neighbors are stored`, () => {
      const flow = setUp()
      flow.store({ batch: true, payload: [{ payload: 1 }, { payload: 2 }, { payload: 3 }] }, true)
      flow.writes.splice(0)
      const again: Message = { batch: true, payload: [{ payload: 1 }, element, { payload: 3 }] }
      flow.store(again)
      assert.deepEqual(
        flow.writes.map(({ record }) => record.payload),
        [1, 3],
      )
      const [rejected] = flow.sent
      assert.equal(rejected?.payload, element)
      assert.deepEqual(Object.keys(rejected ?? {}), ['payload', 'error', '_msgid'])
      stored(flow, rejected)
      flow.completion(0).stored()
      flow.completion(1).stored()
      assert.deepEqual(flow.done, [undefined])
    })
  }
})

describe('a batch of which a part fails', () => {
  const numbers = [0, 1, 2, 3, 4]
  const batch = (): Message => ({ batch: true, payload: numbers.map((n) => ({ payload: n })) })
  const payloads = (message: Message): unknown[] =>
    (message.payload as ({ payload: unknown } | null)[]).map((record) => record && record.payload)

  it('says which records are stored, and keeps the others alone', () => {
    const { store, completion, done, end } = setUp({ wired: false })
    const message = batch()
    store(message)
    for (const n of [0, 1, 3]) completion(n).stored()
    completion(2).failed(permanent)
    completion(4).failed(transient)
    assert.deepEqual(done, [permanent])
    assert.deepEqual(payloads(message), [2, 4])
    assert.deepEqual(end()?.stored, new Set([0, 1, 3]))
  })

  it('says so also of what a Function node has replaced by something that is no record', () => {
    const { tracker, delivery, store, completion, writes, end } = setUp({ wired: false })
    const message = batch()
    link(message, delivery)
    delivery.size = numberRecords(message)
    message.payload = (message.payload as object[]).map((record, n) => (n === 2 ? null : { ...record }))
    store(message, false)
    writes.forEach((_write, at) => completion(at).stored())
    assert.equal(writes.length, 4)
    assert.equal(tracker.find(message), delivery)
    assert.deepEqual(end()?.stored, new Set([0, 1, 3, 4]))
  })

  it('says nothing of records that a Function node has rebuilt', () => {
    const { delivery, store, completion, end } = setUp({ wired: false })
    const message = batch()
    link(message, delivery)
    delivery.size = numberRecords(message)
    message.payload = payloads(message).map((payload) => ({ payload }))
    store(message, false)
    for (const n of [0, 1, 3, 4]) completion(n).stored()
    completion(2).failed(permanent)
    assert.equal(end()?.stored, undefined)
  })

  it('says nothing when another copy of it has failed as a whole', () => {
    const { tracker, delivery, store, completion, end } = setUp({ wired: false })
    store(batch())
    for (const n of [0, 1, 3, 4]) completion(n).stored()
    completion(2).failed(permanent)
    tracker.openFailure(delivery, 'another sink', transient)
    assert.equal(end()?.stored, undefined)
  })

  it('fails whole when another node has frozen it', () => {
    const { delivery, store, completion, done, end } = setUp({ wired: false })
    const message = batch()
    link(message, delivery)
    store(Object.freeze(message), false)
    for (const n of [0, 1, 3, 4]) completion(n).stored()
    completion(2).failed(permanent)
    assert.deepEqual(done, [permanent])
    assert.deepEqual(payloads(message), numbers)
    assert.equal(end()?.stored, undefined)
  })

  it('fails whole when none of it is stored', () => {
    const { store, completion, end } = setUp({ wired: false })
    const message = batch()
    store(message)
    for (const n of numbers) completion(n).failed(transient)
    assert.deepEqual(payloads(message), numbers)
    assert.equal(end()?.stored, undefined)
  })
})
