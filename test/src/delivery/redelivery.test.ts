import assert from 'node:assert/strict'
import { linkedDelivery } from '../../../src/delivery/message-link'
import type { Message } from '../../../src/wire/message'
import { FAILED_MESSAGES, MESSAGES, Redelivery, type WhenFiltered } from '../../../src/delivery/redelivery'
import { DeliveryTracker } from '../../../src/delivery/tracker'
import { PipelineError } from '../../../src/wire/errors'
import { until } from '../../support/until'

interface Sent {
  readonly output: number
  readonly message: Message
}

/** A node downstream of the source, as far as the tracker sees it. */
const node = { id: 'sink' }
const failure = (retryable: boolean, code = 'TEST'): PipelineError =>
  new PipelineError(code, 'no', { retryable })

interface SetUp {
  readonly maxAttempts?: number
  readonly wired?: boolean[]
  readonly whenFiltered?: WhenFiltered
  /** `attempt` counts all messages that were asked for. */
  readonly compose?: (payload: readonly string[], attempt: number) => Message
}

function setUp({ maxAttempts = 0, wired = [true, true], whenFiltered = 'acknowledge', compose }: SetUp = {}) {
  const tracker = new DeliveryTracker({ now: () => performance.now(), nextMacrotask: setImmediate })
  const gate = { open: true }
  const sent: Sent[] = []
  const settled: string[] = []
  let composed = 0
  const filtered: string[] = []
  const redelivery = new Redelivery<readonly string[]>({
    tracker,
    gateOpen: () => gate.open,
    sourceId: 'source',
    deliveryTimeoutMs: 60_000,
    maxAttempts,
    send: (output, message) => {
      sent.push({ output, message })
      const delivery = linkedDelivery(message)
      assert.ok(delivery !== undefined)
      tracker.copySent(delivery)
      tracker.copyPlaced(delivery, node)
      tracker.copyReceived(delivery, node)
    },
    isWired: (output) => wired[output] === true,
    compose: (payload, error) =>
      compose?.(payload, ++composed) ?? { payload, ...(error && { error: { code: error.code } }) },
    sizeOf: ({ length }) => length,
    split: (content) => content.map((part) => [part]),
    onSettled: (content) => settled.push(content.join('+')),
    whenFiltered,
    onFiltered: (content) => filtered.push(content.join('+')),
  })
  const deliveryOf = (index: number) => {
    const delivery = linkedDelivery((sent[index] as Sent).message)
    assert.ok(delivery !== undefined)
    return delivery
  }
  /** The tracker settles in the next macrotask, which was scheduled before this one. */
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  return {
    tracker,
    gate,
    sent,
    settled,
    filtered,
    redelivery,
    wired,
    deliveryOf,
    turn,
    texts: () => sent.map(({ message }) => (message.payload as string[]).join('+')),
    store: async (index: number) => {
      const delivery = deliveryOf(index)
      tracker.hold(delivery)
      tracker.confirm(delivery, {})
      tracker.copyEnded(delivery, node)
      await turn()
    },
    end: async (index: number) => {
      tracker.copyEnded(deliveryOf(index), node)
      await turn()
    },
    fail: async (index: number, error: PipelineError) => {
      const delivery = deliveryOf(index)
      tracker.openFailure(delivery, node.id, error)
      tracker.copyEnded(delivery, node)
      await turn()
    },
  }
}

describe('redelivery', () => {
  it('sends what could not be put together again, and does not throw at its source', async () => {
    const { redelivery, settled, texts, store, turn } = setUp({
      compose: (payload, attempt) => {
        if (attempt === 1) throw new RangeError('too deep')
        return { payload }
      },
    })
    redelivery.emit(['a'])
    redelivery.emit(['b'])
    await turn()
    assert.deepEqual([texts(), redelivery.size], [['b'], 2])
    assert.equal(redelivery.problem?.message, 'too deep')
    await until('it is sent again', () => texts().length === 2)
    await store(0)
    await store(1)
    assert.deepEqual([settled, redelivery.size], [['b', 'a'], 0])
  })

  it('settles what was stored, and what the flow ended on purpose', async () => {
    const { redelivery, settled, store, end } = setUp()
    redelivery.emit(['a'])
    redelivery.emit(['b'])
    await store(0)
    await end(1)
    assert.deepEqual(settled, ['a', 'b'])
    assert.equal(redelivery.size, 0)
  })

  it('emits again after a passing failure, as a new delivery', async () => {
    const { redelivery, settled, sent, store, fail } = setUp()
    redelivery.emit(['a'])
    await fail(0, failure(true))
    assert.equal(redelivery.problem?.code, 'TEST')
    await until('it is sent again', () => sent.length === 2)
    assert.notEqual(sent[0]?.message._msgid, sent[1]?.message._msgid)
    assert.equal(sent[1]?.output, MESSAGES)
    await store(1)
    assert.deepEqual(settled, ['a'])
    assert.equal(redelivery.problem, undefined)
  })

  it('gives an attempt twice the time of the one before when that has stalled', async () => {
    const { sent, redelivery, deliveryOf, fail } = setUp()
    redelivery.emit(['a'])
    for (let attempt = 1; attempt <= 2; attempt++) {
      await fail(attempt - 1, failure(true, 'DELIVERY_STALLED'))
      await until('it is sent again', () => sent.length === attempt + 1)
    }
    await fail(2, failure(true))
    await until('it is sent again', () => sent.length === 4)
    const timeouts = sent.map((_, index) => deliveryOf(index).timeoutMs)
    assert.deepEqual(timeouts, [60_000, 120_000, 240_000, 240_000])
  })

  it('keeps the order of what failed together', async () => {
    const { redelivery, sent, fail, texts } = setUp()
    for (const text of ['a', 'b', 'c']) redelivery.emit([text])
    for (const index of [2, 0, 1]) await fail(index, failure(true))
    await until('all are sent again', () => sent.length === 6)
    assert.deepEqual(texts().slice(3), ['a', 'b', 'c'])
  })

  it('hands a permanent failure to the second output, and settles it only when a sink stored it', async () => {
    const { redelivery, settled, sent, store, fail } = setUp()
    redelivery.emit(['a'])
    await fail(0, failure(false))
    assert.equal(sent[1]?.output, FAILED_MESSAGES)
    assert.deepEqual(sent[1]?.message.error, { code: 'TEST' })
    await store(1)
    assert.deepEqual(settled, ['a'])
  })

  it('settles and counts what the flow has ended on purpose', async () => {
    const { redelivery, settled, filtered, store, end } = setUp()
    redelivery.emit(['a'])
    redelivery.emit(['b'])
    await end(0)
    await store(1)
    assert.deepEqual([settled, filtered], [['a', 'b'], ['a']])
  })

  it('hands what the flow has ended to the second output when that is a failure, part by part', async () => {
    const { redelivery, sent, settled, filtered, texts, store, end } = setUp({ whenFiltered: 'fail' })
    redelivery.emit(['a', 'b'])
    await end(0)
    assert.deepEqual([texts(), settled], [['a+b', 'a', 'b'], []])
    await store(1)
    await end(2)
    assert.equal(sent[3]?.output, FAILED_MESSAGES)
    assert.deepEqual(sent[3].message.error, { code: 'FLOW_ENDED' })
    await store(3)
    assert.deepEqual([settled, filtered], [['a', 'b'], []])
  })

  it('holds what the flow has ended when that is a failure and no output takes it', async () => {
    const { redelivery, settled, end } = setUp({ whenFiltered: 'fail', wired: [true, false] })
    redelivery.emit(['a'])
    await end(0)
    assert.equal(redelivery.heldCount, 1)
    assert.equal(redelivery.problem?.code, 'FLOW_ENDED')
    assert.deepEqual(settled, [])
  })

  it('holds what no sink stored after the second output', async () => {
    const { redelivery, settled, end, fail } = setUp()
    redelivery.emit(['a'])
    await fail(0, failure(false))
    await end(1)
    assert.deepEqual(settled, [])
    assert.equal(redelivery.heldCount, 1)
    assert.equal(redelivery.size, 1)
  })

  it('holds a permanent failure while nothing is wired, and sends it out once something is', async () => {
    const { redelivery, sent, wired, fail, store, settled } = setUp({ wired: [true, false] })
    redelivery.emit(['a'])
    await fail(0, failure(false))
    assert.equal(redelivery.heldCount, 1)
    wired[FAILED_MESSAGES] = true
    redelivery.gateOpened()
    assert.equal(sent[1]?.output, FAILED_MESSAGES)
    await store(1)
    assert.deepEqual(settled, ['a'])
  })

  it('gives up after the attempts that are allowed', async () => {
    const { redelivery, sent, fail } = setUp({ maxAttempts: 2 })
    redelivery.emit(['a'])
    await fail(0, failure(true))
    await until('it is sent again', () => sent.length === 2)
    await fail(1, failure(true))
    assert.equal(sent[2]?.output, FAILED_MESSAGES)
  })

  it('emits the parts of a whole that failed for good', async () => {
    const { redelivery, sent, settled, fail, store, texts } = setUp()
    redelivery.emit(['a', 'b'])
    await fail(0, failure(false))
    assert.deepEqual(texts(), ['a+b', 'a', 'b'])
    await store(1)
    await fail(2, failure(false))
    assert.equal(sent[3]?.output, FAILED_MESSAGES)
    await store(3)
    assert.deepEqual(settled, ['a', 'b'])
  })

  it('sends nothing while a deploy is under way, and then in order what it lost, before what is new', async () => {
    const { redelivery, gate, fail, texts } = setUp()
    redelivery.emit(['a'])
    redelivery.emit(['b'])
    gate.open = false
    redelivery.emit(['c'])
    await fail(1, failure(true))
    await fail(0, failure(true, 'FLOW_CHANGED'))
    assert.deepEqual(texts(), ['a', 'b'])
    gate.open = true
    redelivery.gateOpened()
    redelivery.emit(['d'])
    assert.deepEqual(texts(), ['a', 'b', 'a', 'b', 'c', 'd'])
  })

  it('closes when what sinks hold is stored, and forgets the rest', async () => {
    const { redelivery, tracker, settled, deliveryOf } = setUp()
    redelivery.emit(['a'])
    redelivery.emit(['b'])
    tracker.hold(deliveryOf(0))
    const closing = redelivery.close(10_000)
    tracker.confirm(deliveryOf(0), {})
    tracker.copyEnded(deliveryOf(0), node)
    await closing
    assert.deepEqual(settled, ['a'])
    assert.equal(tracker.size, 0)
  })
})

describe('messages that fail one after the other', () => {
  it('are waited for with one timer, however many there are', async () => {
    const { redelivery, sent, fail } = setUp()
    const FAILURES = 200
    for (let index = 0; index < FAILURES; index++) redelivery.emit([String(index)])
    const { setTimeout: original } = globalThis
    let timers = 0
    globalThis.setTimeout = Object.assign((...args: Parameters<typeof setTimeout>) => {
      timers++
      return original(...args)
    }, original)
    try {
      for (let index = 0; index < FAILURES; index++) await fail(index, failure(true))
    } finally {
      globalThis.setTimeout = original
    }
    assert.ok(timers <= 2, `${timers} timers`)
    await until('all are sent again', () => sent.length === 2 * FAILURES)
    await redelivery.close(0)
  })
})
