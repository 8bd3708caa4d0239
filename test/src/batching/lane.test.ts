import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Lane, type FlushReason, type LaneLimits, type Refusal } from '../../../src/batching/lane'
import { PipelineError } from '../../../src/wire/errors'
import { ManualClock, settled } from '../../support/manual-clock'

const transient = new PipelineError('DOWN', 'down', { retryable: true })
const tooLarge = new PipelineError('TOO_LARGE', 'too large', { retryable: false })

interface Attempt {
  readonly records: readonly string[]
  succeed(): Promise<void>
  fail(error: PipelineError): Promise<void>
}

function setUp(limits: Partial<LaneLimits> = {}, refusal: Refusal = 'size') {
  const clock = new ManualClock()
  const attempts: Attempt[] = []
  const ended: string[] = []
  const reasons: FlushReason[] = []
  const problems: (string | undefined)[] = []
  let held = 0
  const lane: Lane<string> = new Lane({
    limits: { maxRecords: 3, maxBytes: 1000, lingerMs: 5, ...limits },
    backoff: { initialMs: 100, maxMs: 1000 },
    clock,
    refusalOf: ({ retryable }) => (retryable ? undefined : refusal),
    onProblem: (problem) => problems.push(problem?.code),
    onFlush: (reason) => reasons.push(reason),
    onLingerOver: () => lane.flush('linger'),
    onReleased: (records) => (held -= records),
    write: (records: readonly string[]) =>
      new Promise((resolve, reject) => {
        attempts.push({
          records: [...records],
          succeed: () => (resolve(undefined), settled()),
          fail: (error) => (reject(error), settled()),
        })
      }),
  })
  const add = (record: string, bytes = 10): void => {
    held++
    lane.add(record, bytes, {
      stored: () => ended.push(record),
      failed: (error) => ended.push(`${record}!${error.code}`),
    })
  }
  const last = (): Attempt => attempts.at(-1) as Attempt
  return { lane, add, clock, attempts, last, ended, reasons, problems, held: () => held }
}

describe('a lane', () => {
  it('waits for the linger time from the first record', async () => {
    const { add, clock, attempts, reasons } = setUp()
    add('a')
    await clock.pass(3)
    add('b')
    await clock.pass(1)
    assert.equal(attempts.length, 0)
    await clock.pass(1)
    assert.deepEqual(attempts[0]?.records, ['a', 'b'])
    assert.deepEqual(reasons, ['linger'])
  })

  it('writes at once when a batch is full, by records or by bytes', () => {
    const { add, attempts, reasons } = setUp()
    for (const record of ['a', 'b', 'c']) add(record)
    assert.deepEqual(attempts[0]?.records, ['a', 'b', 'c'])
    const other = setUp({ maxBytes: 50 })
    other.add('a', 30)
    other.add('b', 30)
    assert.deepEqual(other.attempts[0]?.records, ['a'])
    assert.deepEqual([...reasons, ...other.reasons], ['records', 'bytes'])
  })

  it('takes a record that is larger than a batch, alone', () => {
    const { add, attempts } = setUp({ maxBytes: 50 })
    add('large', 5000)
    assert.deepEqual(attempts[0]?.records, ['large'])
  })

  it('gathers while a batch is out, and has only one out', async () => {
    const { add, clock, attempts, last, ended } = setUp({ maxRecords: 2 })
    for (const record of ['a', 'b', 'c', 'd', 'e']) add(record)
    await clock.pass(100)
    assert.equal(attempts.length, 1)
    assert.deepEqual(ended, [])
    await last().succeed()
    assert.deepEqual(ended, ['a', 'b'])
    assert.deepEqual(last().records, ['c', 'd'])
    await last().succeed()
    assert.deepEqual(last().records, ['e'])
    await last().succeed()
    assert.deepEqual(ended, ['a', 'b', 'c', 'd', 'e'])
  })

  it('writes at once when told to, also right after a batch that is in flight', async () => {
    const { lane, add, last, attempts, reasons } = setUp({ lingerMs: 1000 })
    add('a')
    lane.flush('quiet')
    assert.deepEqual(last().records, ['a'])
    add('b')
    lane.flush('quiet')
    add('c')
    assert.equal(attempts.length, 1)
    await last().succeed()
    assert.deepEqual(last().records, ['b', 'c'])
    assert.deepEqual(reasons, ['quiet', 'quiet'])
  })

  it('repeats the identical batch after a back-off, indefinitely, while more records gather', async () => {
    const { add, clock, attempts, last, ended, problems } = setUp()
    for (const record of ['a', 'b', 'c']) add(record)
    for (let attempt = 0; attempt < 20; attempt++) {
      await last().fail(transient)
      add(`later ${attempt}`)
      await clock.pass(1000)
    }
    assert.equal(attempts.length, 21)
    for (const { records } of attempts) assert.deepEqual(records, ['a', 'b', 'c'])
    await last().succeed()
    assert.deepEqual(ended, ['a', 'b', 'c'])
    assert.deepEqual([problems[0], problems.at(-1)], ['DOWN', undefined])
    assert.deepEqual(last().records, ['later 0', 'later 1', 'later 2'])
  })

  it('cuts a refused batch until the bad record is alone, and keeps the order of the others', async () => {
    const { add, attempts, ended } = setUp({ maxRecords: 8 })
    const records = ['a', 'b', 'c', 'd', 'BAD', 'f', 'g', 'h']
    for (const record of records) add(record)
    for (let at = 0; at < attempts.length; at++) {
      const attempt = attempts[at] as Attempt
      await (attempt.records.includes('BAD') ? attempt.fail(tooLarge) : attempt.succeed())
    }
    assert.deepEqual(ended, ['a', 'b', 'c', 'd', 'BAD!TOO_LARGE', 'f', 'g', 'h'])
  })

  it('makes larger batches again when a partition has accepted many small ones', async () => {
    const { add, last } = setUp({ maxRecords: 100, maxBytes: 400 })
    for (const record of ['a', 'b', 'c', 'd']) add(record, 100)
    await last().fail(tooLarge)
    for (let batch = 0; batch < 50; batch++) {
      assert.equal(last().records.length, 2)
      await last().succeed()
      if (batch > 0) for (const record of ['e', 'f']) add(record, 100)
    }
    await last().succeed()
    for (const record of ['g', 'h', 'i', 'j']) add(record, 100)
    assert.equal(last().records.length, 4)
  })

  it('makes larger batches sooner when the first step has shown that the limit was raised', async () => {
    const { add, last } = setUp({ maxRecords: 100, maxBytes: 1600 })
    for (let record = 0; record < 16; record++) add(String(record), 100)
    await last().fail(tooLarge)
    const fill = async (batches: number, records: number): Promise<void> => {
      for (let batch = 0; batch < batches; batch++) {
        for (let record = 0; record < records; record++) add('r', 100)
        assert.equal(last().records.length, records)
        await last().succeed()
      }
    }
    await last().succeed()
    await last().fail(tooLarge)
    for (let part = 0; part < 2; part++) await last().succeed()
    await fill(48, 4)
    await fill(10, 8)
    await fill(1, 16)
    // A refusal: the limit is one again, and the next try comes late.
    for (let record = 0; record < 16; record++) add('r', 100)
    await last().fail(tooLarge)
    for (let part = 0; part < 2; part++) await last().succeed()
    await fill(48, 8)
    await fill(1, 16)
  })

  it('makes smaller batches for a partition that takes less than our limit', async () => {
    const { add, attempts, last } = setUp({ maxRecords: 8, maxBytes: 1000 })
    for (let record = 0; record < 8; record++) add(String(record), 100)
    await last().fail(tooLarge)
    while (attempts.length < 3) await last().succeed()
    await last().succeed()
    for (let record = 8; record < 16; record++) add(String(record), 100)
    assert.deepEqual(last().records, ['8', '9', '10', '11'])
  })

  it('fails a batch as a whole when all of it is refused', async () => {
    const { add, attempts, last, ended, held } = setUp({}, 'all')
    for (const record of ['a', 'b', 'c']) add(record)
    await last().fail(tooLarge)
    assert.equal(attempts.length, 1)
    assert.deepEqual(ended, ['a!TOO_LARGE', 'b!TOO_LARGE', 'c!TOO_LARGE'])
    assert.equal(held(), 0)
  })

  it('fails everything once when it is abandoned, whatever the write says later', async () => {
    const { lane, add, clock, last, ended, held, attempts } = setUp({ maxRecords: 2 })
    for (const record of ['a', 'b', 'c', 'd', 'e']) add(record)
    lane.abandon(transient)
    await last().succeed()
    await clock.pass(10_000)
    assert.deepEqual(ended, ['a!DOWN', 'b!DOWN', 'c!DOWN', 'd!DOWN', 'e!DOWN'])
    assert.equal(held(), 0)
    assert.equal(attempts.length, 1)
    assert.equal(lane.idle, true)
  })

  it('ends every record once and in order, whatever happens', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), bytes: fc.integer({ min: 1, max: 400 }) }),
      fc.record({ kind: fc.constantFrom('succeed', 'transient', 'refuse', 'flush', 'pass') }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const { lane, add, clock, attempts, ended, held } = setUp({ maxRecords: 4, maxBytes: 500 })
        let added = 0
        let answered = 0
        const answer = async (how: string): Promise<void> => {
          const attempt = attempts[answered]
          if (attempt === undefined) return
          answered++
          if (how === 'succeed') await attempt.succeed()
          else await attempt.fail(how === 'transient' ? transient : tooLarge)
        }
        for (const one of steps) {
          if ('bytes' in one) add(String(added++), one.bytes)
          else if (one.kind === 'flush') lane.flush('quiet')
          else if (one.kind === 'pass') await clock.pass(1000)
          else await answer(one.kind)
        }
        for (let round = 0; !lane.idle && round < 1000; round++) {
          await clock.pass(1000)
          await answer('succeed')
        }
        const order = ended.map((record) => Number(record.split('!')[0]))
        assert.deepEqual(order, [...Array(added).keys()])
        assert.equal(held(), 0)
      }),
      { numRuns: 200 },
    )
  })
})
