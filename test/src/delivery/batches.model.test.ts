/**
 * Random batches against a model: whichever records fail, for now or for good, and whatever a Function node makes of the
 * batch on the way, no record is lost, each is settled once, and none that has kept its identity is stored twice.
 */
import { receive } from '../../../src/delivery/sinks/receipt'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Account } from '../../../src/delivery/account'
import type { Delivery } from '../../../src/delivery/delivery'
import { linkedDelivery } from '../../../src/delivery/message-link'
import { FAILED_MESSAGES, Redelivery } from '../../../src/delivery/redelivery'
import { storeMessage } from '../../../src/delivery/sinks/sink-message'
import { DeliveryTracker } from '../../../src/delivery/tracker'
import { PipelineError } from '../../../src/wire/errors'
import { type Message, recordsOf, type WireRecord } from '../../../src/wire/message'

/** What a Function node does with the records of a batch. */
const TRANSFORMS: Readonly<Record<string, (records: WireRecord[]) => unknown[]>> = {
  nothing: (records) => records,
  'copies them': (records) => records.map((record) => ({ ...record, copied: true })),
  'sorts them': (records) => records.toReversed(),
  'removes some': (records) => records.filter(({ payload }) => payload !== 'b'),
  'puts null for some': (records) => records.map((record) => (record.payload === 'b' ? null : record)),
  'rebuilds them': (records) => records.map(({ payload }) => ({ payload })),
}

interface Plan {
  readonly letters: string
  /** Letters that fail at the first attempt. */
  readonly forNow: readonly string[]
  /** Letters that can never be stored. */
  readonly forGood: readonly string[]
  readonly transform: string
  /** Whether it then makes a message of each record. */
  readonly splits: boolean
  /** What is wired to the sink's output for rejected records. */
  readonly output: 'nothing' | 'a Debug node' | 'a dead letter'
}

const some = fc.subarray([...'abcdef'])
const plans = fc.record<Plan>({
  letters: some.filter(({ length }) => length > 0).map((letters) => letters.join('')),
  forNow: some,
  forGood: some,
  transform: fc.constantFrom(...Object.keys(TRANSFORMS)),
  splits: fc.boolean(),
  output: fc.constantFrom('nothing', 'a Debug node', 'a dead letter'),
})

/** At once: it is sent again in the next turn of the event loop. */
const forNow = new PipelineError('FLOW_CHANGED', 'not now', { retryable: true })
const forGood = new PipelineError('NEVER', 'never', { retryable: false })

/** Runs one batch to its end. */
async function run({ letters, forNow: early, forGood: bad, transform, splits, output }: Plan) {
  const tracker = new DeliveryTracker({ now: () => performance.now(), nextMacrotask: setImmediate })
  const flow = { id: 'flow' }
  const [stored, dead, settled]: [string[], string[], string[]] = [[], [], []]
  const failedOnce = new Set<string>()
  const take = (message: Message, into: string[]): void => {
    const receipt = receive(tracker, message)
    receipt?.noteDeadLetters(receipt.records.length)
    receipt?.confirm()
    into.push(...recordsOf(message).map(({ payload }) => String(payload)))
  }
  const outcomeOf = (letter: string): PipelineError | undefined => {
    if (bad.includes(letter)) return forGood
    if (!early.includes(letter) || failedOnce.has(letter)) return undefined
    failedOnce.add(letter)
    return forNow
  }
  const sink = (message: Message): void => {
    const host = {
      tracker,
      nodeId: 'sink',
      mayEnd: false,
      isWired: () => output !== 'nothing',
      describe: ({ message }: PipelineError) => ({ message, source: { id: 'sink', type: 'sink' } }),
      onLate: () => assert.fail('late'),
      onRejected: () => undefined,
    }
    storeMessage(
      message,
      host,
      ({ payload }, completion) => {
        const error = outcomeOf(payload as string)
        if (error !== undefined) return completion.failed(error)
        stored.push(payload as string)
        completion.stored()
      },
      (rejected) => (output === 'a dead letter' ? take(rejected, dead) : undefined),
      (error) => {
        const delivery = linkedDelivery(message) as Delivery
        if (error !== undefined) tracker.openFailure(delivery, 'sink', error, message)
      },
    )
  }
  const redelivery = new Redelivery<readonly string[]>({
    tracker,
    gateOpen: () => true,
    sourceId: 'source',
    deliveryTimeoutMs: 60_000,
    maxAttempts: 0,
    send: (at, message) => {
      const delivery = linkedDelivery(message) as Delivery
      tracker.copySent(delivery)
      tracker.copyPlaced(delivery, flow)
      tracker.copyReceived(delivery, flow)
      if (at === FAILED_MESSAGES) take(message, dead)
      else {
        const records = TRANSFORMS[transform]?.(recordsOf(message)) as (WireRecord | null)[]
        if (!splits) sink({ ...message, payload: records })
        else for (const record of records) if (record) sink({ ...message, ...record, batch: false })
      }
      tracker.copyEnded(delivery, flow)
    },
    isWired: () => true,
    compose: (content, error) => ({ batch: true, payload: content.map((payload) => ({ payload })), error }),
    sizeOf: ({ length }) => length,
    split: (content) => content.map((letter) => [letter]),
    without: (content, places) => {
      settled.push(...content.filter((_letter, place) => places.has(place)))
      return content.filter((_letter, place) => !places.has(place))
    },
    onSettled: (content) => settled.push(...content),
    whenFiltered: 'acknowledge',
    onFiltered: () => undefined,
  })
  redelivery.emit([...letters])
  const { account } = redelivery
  const accounts = [sumOf(account)]
  for (let turn = 0; redelivery.size > 0 && turn < 10_000; turn++) {
    await new Promise(setImmediate)
    accounts.push(sumOf(account))
  }
  await redelivery.close(0)
  return { stored, dead, settled, left: redelivery.size, account, accounts }
}

const sumOf = ({ delivered, filtered, deadLetters, handedBack, inFlight }: Account): number =>
  delivered + filtered + deadLetters + handedBack + inFlight

describe('batches in random flows', () => {
  it('lose nothing, and store nothing twice because its neighbor has failed', async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      const { stored, dead, settled, left, account, accounts } = await run(plan)
      assert.equal(left, 0, 'it ends')
      assert.deepEqual(settled.toSorted(), [...plan.letters], 'each is settled once')
      assert.deepEqual([...new Set(accounts)], [plan.letters.length], 'each is accounted for at any time')
      assert.equal(account.inFlight, 0, 'nothing is in flight at the end')
      if (['nothing', 'copies them', 'sorts them'].includes(plan.transform)) {
        const bad = [...plan.letters].filter((letter) => plan.forGood.includes(letter))
        assert.equal(account.deadLetters, bad.length, 'what can never be stored is counted as a dead letter')
      }
      const isRemoved = (letter: string): boolean =>
        letter === 'b' &&
        (plan.transform === 'removes some' || (plan.splits && plan.transform === 'puts null for some'))
      const isNull = (letter: string): boolean =>
        letter === 'b' && !plan.splits && plan.transform === 'puts null for some'
      for (const letter of plan.letters) {
        const times = stored.filter((each) => each === letter).length
        const letters = dead.filter((each) => each === letter || (each === 'null' && isNull(letter))).length
        if (isRemoved(letter)) assert.equal(times + letters, 0, 'the flow has ended it on purpose')
        else if (plan.forGood.includes(letter) || isNull(letter))
          assert.ok(letters > 0, `${letter} is a dead letter`)
        else if (plan.transform === 'rebuilds them') assert.ok(times > 0, `${letter} is stored`)
        else assert.equal(times, 1, `${letter} is stored once`)
      }
    })
    await fc.assert(property, { numRuns: 500 })
  })
})
