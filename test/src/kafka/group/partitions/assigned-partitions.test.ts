import assert from 'node:assert/strict'
import { AssignedPartitions } from '../../../../../src/kafka/group/partitions/assigned-partitions'
import { alsoDone, type OwnedPartition } from '../../../../../src/kafka/group/partitions/owned-partition'
import { BatchBudget } from '../../../../../src/kafka/group/partitions/batch-budget'
import type {
  ConsumedBatch,
  ConsumerOptions,
  PartitionStop,
  StartAt,
  StillStopped,
  TopicPartition,
} from '../../../../../src/kafka/driver'
import type { FetchedRange } from '../../../../../src/kafka/group/partitions/partition-reader'
import { MAX_PARTITIONS } from '../../../../../src/runtime/recent-map'
import { asPipelineError, type PipelineError } from '../../../../../src/wire/errors'
import { until } from '../../../../support/until'
import { consumedRecord } from '../../../../support/consumed-records'

const p0 = { topic: 't', partition: 0 }
const p1 = { topic: 't', partition: 1 }

const notAllowed = (): Error =>
  Object.assign(new Error('Not authorized'), { type: 'TOPIC_AUTHORIZATION_FAILED' })

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Partitions over a client that only records its calls. */
class Harness {
  readonly seeks: string[] = []
  readonly fetching = new Set<number>()
  readonly commits: string[] = []
  readonly batches: { batch: ConsumedBatch; finish: () => void; fail: (error: Error) => void }[] = []
  readonly stops: PartitionStop[] = []
  readonly problems = new Map<string, PipelineError>()
  readonly revoked: TopicPartition[] = []
  readonly past = new Map<string, OwnedPartition>()
  committedOffset: number | undefined = 0
  range = { earliest: 0, latest: 1_000 }
  /** What a broker says that is not the leader any more, before the others say `range`. */
  ends: number[] = []
  start: (committed: number | undefined) => Promise<StartAt | StillStopped> = (committed) =>
    Promise.resolve(committed === undefined ? 'earliest' : { offset: committed })
  /** Kafka cannot be asked for offsets. */
  isAway = false
  /** Partitions whose commits Kafka refuses. */
  forbidden: readonly TopicPartition[] = []
  /** How many commits Kafka refuses. */
  refusals = 0
  it: AssignedPartitions

  constructor(readonly budget = new BatchBudget()) {
    this.it = this.session()
  }

  get stopped(): PipelineError[] {
    return this.stops.map(({ problem }) => problem)
  }

  get stopAt(): number[] {
    return this.stops.map(({ nextOffset }) => nextOffset)
  }

  session(): AssignedPartitions {
    const consumer = {
      maxBatchRecords: 10,
      maxBatchBytes: 1_000,
      maxWaitMs: 500,
      lingerMs: 0,
      commitEveryMs: 0,
      startOffset: (_: TopicPartition, committed: number | undefined) => this.start(committed),
      onBatch: (batch: ConsumedBatch) =>
        new Promise<void>((finish, fail) => this.batches.push({ batch, finish, fail })),
      onRevoked: (lost: readonly TopicPartition[]) => void this.revoked.push(...lost),
      onAssigned: () => undefined,
      onStopped: (_: TopicPartition, stop: PartitionStop) => void this.stops.push(stop),
    } as unknown as ConsumerOptions
    return new AssignedPartitions({
      consumer,
      past: this.past,
      budget: this.budget,
      translate: (error) => asPipelineError(error),
      onProblem: (part, problem) =>
        void (problem === undefined ? this.problems.delete(part) : this.problems.set(part, problem)),
      readBackoff: { initialMs: 1, maxMs: 2 },
      offsets: {
        committed: () => Promise.resolve(this.committedOffset),
        range: () =>
          this.isAway
            ? Promise.reject(new Error('no leader'))
            : Promise.resolve({ ...this.range, latest: this.ends.shift() ?? this.range.latest }),
        resolve: (_, start, { earliest, latest }) =>
          Promise.resolve(
            start === 'earliest'
              ? earliest
              : start === 'latest'
                ? latest
                : 'offset' in start
                  ? start.offset
                  : 0,
          ),
      },
      control: {
        seek: ({ partition }, offset) => void this.seeks.push(`${partition}:${offset}`),
        pause: ({ partition }) => void this.fetching.delete(partition),
        resume: ({ partition }) => void this.fetching.add(partition),
        commit: (offsets) => {
          if (this.refusals-- > 0) return Promise.reject(new Error('no coordinator'))
          for (const partition of this.forbidden)
            this.it.onAnswer({ request: 'commit', partition, error: notAllowed() })
          const taken = offsets.filter(
            (it) => !this.forbidden.some(({ partition }) => partition === it.partition),
          )
          for (const partition of taken) this.it.onAnswer({ request: 'commit', partition, error: undefined })
          this.commits.push(...taken.map(({ partition, offset }) => `${partition}:${offset}`))
          return Promise.resolve()
        },
      },
    })
  }

  async assign(partitions: readonly TopicPartition[], wasExpelled = false): Promise<void> {
    this.it.assign(partitions, wasExpelled)
    await nextTurn()
  }

  /** @param gone how many of the first records are compacted away */
  fetched(partition: TopicPartition, from: number, count: number, gone = 0, timestamp = 0): boolean {
    const all = Array.from({ length: count }, (_, i) =>
      consumedRecord({ offset: from + i, value: Buffer.from('x'), timestamp }),
    )
    const records = all.slice(gone)
    const range: FetchedRange = {
      fetchedOffset: from,
      nextOffset: from + count,
      records,
      highWatermark: 1_000,
    }
    return this.it.accept(partition, range)
  }

  /** An answer whose first batch cannot be read. */
  unreadable(partition: TopicPartition, from: number, nextOffset = from): boolean {
    const range = {
      fetchedOffset: from,
      nextOffset,
      records: [],
      highWatermark: 1_000,
      unreadable: 'test',
    }
    return this.it.accept(partition, range)
  }

  handedOut(): string[] {
    return this.batches.map(({ batch }) => `${batch.partition}:${batch.firstOffset}-${batch.nextOffset}`)
  }
}

describe('AssignedPartitions', () => {
  it('fetches from a partition only when its start is known', async () => {
    const h = new Harness()
    let answer: (start: StartAt | StillStopped) => void = () => undefined
    h.start = () => new Promise((resolve) => (answer = resolve))
    await h.assign([p0])
    assert.equal(h.fetched(p0, 0, 10), false)
    assert.deepEqual([...h.fetching], [])
    answer({ offset: 500 })
    await nextTurn()
    assert.deepEqual(h.seeks, ['0:500'])
    assert.deepEqual([...h.fetching], [0])
    assert.deepEqual(h.handedOut(), [])
  })

  it('pauses a partition while the flow is busy with it, and the others continue', async () => {
    const h = new Harness()
    await h.assign([p0, p1])
    h.fetched(p0, 0, 90)
    h.fetched(p1, 0, 5)
    assert.deepEqual(h.handedOut(), ['0:0-10', '1:0-5'])
    assert.deepEqual([...h.fetching], [1])
    h.batches[0]?.finish()
    await nextTurn()
    assert.deepEqual(h.handedOut().slice(2), ['0:10-20'])
    assert.deepEqual([...h.fetching].sort(), [0, 1])
  })

  it('lets the client wait for the first partition to be fetched from, when all are paused', async () => {
    const harness = new Harness()
    await harness.assign([p0])
    await harness.it.demand(60_000)
    harness.fetched(p0, 0, 100)
    assert.equal(harness.fetching.size, 0)
    let wanted = false
    const demand = harness.it.demand(60_000).then(() => (wanted = true))
    harness.batches[0]!.finish()
    await nextTurn()
    assert.equal(wanted, false, 'enough is waiting still')
    harness.batches[1]!.finish()
    await demand
    assert.deepEqual([...harness.fetching], [0])
  })

  it('does not keep the client from its heartbeats, nor from the group, while the flow is stuck', async () => {
    const harness = new Harness()
    await harness.assign([p0])
    harness.fetched(p0, 0, 90)
    await harness.it.demand(1)
    const demand = harness.it.demand(60_000)
    harness.it.beginRebalance()
    await demand
  })

  it('seeks a partition that stays to where it was fetched up to, because the client forgets it', async () => {
    const h = new Harness()
    await h.assign([p0])
    h.fetched(p0, 0, 10)
    h.seeks.length = 0
    await h.assign([p0, p1])
    assert.ok(h.seeks.includes('0:10'))
    assert.deepEqual(h.revoked, [])
  })

  it('hands out nothing while the group is distributing its partitions', async () => {
    const h = new Harness()
    await h.assign([p0])
    h.it.beginRebalance()
    h.fetched(p0, 0, 5)
    assert.deepEqual(h.handedOut(), [])
    await h.assign([p0])
    assert.deepEqual(h.handedOut(), ['0:0-5'])
  })

  it('ignores a commit of what was revoked, was not handed out, or goes back', async () => {
    const h = new Harness()
    await h.assign([p0])
    h.fetched(p0, 0, 5)
    await h.it.commit(p0, 6)
    await h.it.commit(p0, 5)
    await h.it.commit(p0, 3)
    assert.deepEqual(h.commits, ['0:5'])
    await h.assign([])
    await h.it.commit(p0, 5)
    assert.deepEqual(h.commits, ['0:5'])
    assert.deepEqual(h.revoked, [p0])
  })

  describe('that begins where the record before had a time that is known', () => {
    async function beginAt50(earliest = 0): Promise<Harness> {
      const h = new Harness()
      h.range = { earliest, latest: 1_000 }
      h.start = () => Promise.resolve({ offset: 50, lastTimestamp: 0 })
      await h.assign([p0])
      return h
    }

    it('looks at that record first, and hands out what follows it', async () => {
      const h = await beginAt50()
      assert.deepEqual(h.seeks, ['0:49'])
      assert.ok(h.fetched(p0, 49, 6))
      assert.deepEqual(h.handedOut(), ['0:50-55'])
      assert.deepEqual(h.stops, [])
    })

    it('goes back there when a fetch came from elsewhere', async () => {
      const h = await beginAt50()
      assert.ok(!h.fetched(p0, 50, 5))
      assert.deepEqual(h.handedOut(), [])
      assert.deepEqual(h.seeks, ['0:49', '0:49'])
    })

    it('reads on when nothing has come since, or the record is gone', async () => {
      const h = await beginAt50()
      assert.ok(!h.fetched(p0, 49, 1))
      assert.deepEqual(h.seeks, ['0:49', '0:50'])
      assert.ok(h.fetched(p0, 50, 5))
      const compacted = await beginAt50()
      assert.ok(compacted.fetched(p0, 49, 10, 2))
      for (const it of [h, compacted]) assert.deepEqual(it.stops, [])
      assert.deepEqual((await beginAt50(50)).seeks, ['0:50'])
    })

    it('stops when it has another time: the topic was created again, and has outgrown the position', async () => {
      const h = await beginAt50()
      assert.ok(!h.fetched(p0, 49, 6, 0, 1))
      assert.deepEqual(h.handedOut(), [])
      assert.match(h.stopped[0]?.message ?? '', /the topic was created again/)
      const [{ nextOffset, settled, end } = {} as PartitionStop] = h.stops
      assert.deepEqual({ nextOffset, settled, end }, { nextOffset: 50, settled: 50, end: 0 })
    })
  })

  it('starts all partitions again after it was expelled', async () => {
    const h = new Harness()
    await h.assign([p0])
    h.fetched(p0, 0, 5)
    h.batches[0]?.finish()
    await nextTurn()
    h.committedOffset = 3
    await h.assign([p0], true)
    assert.equal(h.seeks.at(-1), '0:3')
  })

  it('begins a partition that comes back only when the flow is done with its last batch', async () => {
    const h = new Harness()
    await h.assign([p0])
    h.fetched(p0, 0, 5)
    h.seeks.length = 0
    await h.assign([], false)
    await h.assign([p0])
    assert.deepEqual(h.seeks, [])
    h.batches[0]?.finish()
    await nextTurn()
    assert.deepEqual(h.seeks, ['0:0'])
  })

  it('has one batch of a partition in the flow, however often the partition comes and goes meanwhile', async () => {
    const h = new Harness()
    await h.assign([p0])
    h.fetched(p0, 0, 5)
    h.seeks.length = 0
    for (let round = 0; round < 3; round++) {
      await h.assign([])
      await h.assign([p0])
    }
    h.fetched(p0, 0, 5)
    assert.deepEqual([h.seeks, h.handedOut()], [[], ['0:0-5']])
    const former = h.past.get('t/0')
    assert.equal(former?.reader.handedOut, 5)
    former.doneTo = 5
    h.batches[0]?.finish()
    await nextTurn()
    assert.deepEqual(h.seeks, ['0:5'])
  })

  it('goes back when the client has jumped ahead, and stops when Kafka does not have the offset any more', async () => {
    const h = new Harness()
    await h.assign([p0])
    h.seeks.length = 0
    h.fetched(p0, 100, 5)
    await nextTurn()
    assert.deepEqual(h.seeks, ['0:0'])
    assert.deepEqual(h.commits, ['0:0'])
    h.range = { earliest: 100, latest: 200 }
    h.fetched(p0, 100, 5)
    await until(() => h.stopped.length > 0)
    assert.equal(h.stopped[0]?.code, 'KAFKA_OFFSET_OUT_OF_RANGE')
    assert.deepEqual([...h.fetching], [])
    assert.deepEqual(h.handedOut(), [])
  })

  it('stops when the client has gone back because Kafka has lost the end of the partition', async () => {
    const h = new Harness()
    await h.assign([p0])
    h.fetched(p0, 0, 5)
    h.batches[0]?.finish()
    await nextTurn()
    h.range = { earliest: 0, latest: 3 }
    h.fetched(p0, 0, 3)
    await until(() => h.stopped.length > 0)
    assert.equal(h.stopped[0]?.code, 'KAFKA_OFFSET_OUT_OF_RANGE')
    assert.deepEqual([h.stopAt, [...h.fetching], h.commits.at(-1)], [[5], [], '0:5'])
    assert.deepEqual(h.handedOut(), ['0:0-5'])
  })

  it('does not believe a single answer that the partition ends before the position', async () => {
    const h = new Harness()
    h.ends = [400, 400]
    h.start = () => Promise.resolve({ offset: 500 })
    await h.assign([p0])
    await until(() => h.fetching.has(0))
    h.ends = [400]
    h.fetched(p0, 0, 5)
    assert.deepEqual([...h.fetching], [])
    await until(() => h.fetching.has(0))
    assert.deepEqual(h.seeks, ['0:500', '0:500'])
    assert.deepEqual(h.stopped, [])
  })

  it('rests before what cannot be read, fetches it again, and continues when it can be read', async () => {
    const h = new Harness()
    await h.assign([p0, p1])
    assert.equal(h.unreadable(p0, 0), false)
    assert.deepEqual([...h.fetching], [1])
    await until(() => h.fetching.has(0))
    assert.equal(h.seeks.at(-1), '0:0')
    h.fetched(p0, 0, 5)
    assert.deepEqual(h.handedOut(), ['0:0-5'])
    assert.deepEqual(h.stopped, [])
  })

  it('moves past the markers of transactions that are before what cannot be read', async () => {
    const h = new Harness()
    await h.assign([p0])
    assert.equal(h.unreadable(p0, 0, 3), true)
    assert.deepEqual([...h.fetching], [0])
    assert.equal(h.unreadable(p0, 3), false)
    await until(() => h.fetching.has(0))
    assert.equal(h.seeks.at(-1), '0:3')
  })

  it('stops before what can never be read, and not before all that came earlier is finished', async () => {
    const h = new Harness()
    await h.assign([p0, p1])
    h.fetched(p0, 0, 5)
    for (let answer = 0; answer < 6; answer++) {
      h.unreadable(p0, 5)
      await until(() => h.fetching.has(0))
    }
    assert.equal(h.stopped.length, 0)
    h.batches[0]?.finish()
    await nextTurn()
    await until(() => {
      if (h.fetching.has(0)) h.unreadable(p0, 5)
      return h.stopped.length > 0
    })
    assert.equal(h.stopped[0]?.code, 'KAFKA_UNREADABLE')
    assert.match(h.stopped[0].message, /from offset 5 on/)
    assert.deepEqual([...h.fetching], [1])
    assert.deepEqual(h.handedOut(), ['0:0-5'])
  })

  it('continues where a stopped partition is released, also further back, and commits that', async () => {
    const h = new Harness()
    h.start = () => Promise.resolve({ offset: 2_000 })
    await h.assign([p0])
    await until(() => h.stopAt.length > 0)
    assert.deepEqual(h.stopAt, [2_000])
    const prepared: number[] = []
    await h.it.release(p0, 500, ({ latest }) => Promise.resolve(void prepared.push(latest)))
    assert.deepEqual(prepared, [1_000])
    assert.deepEqual([h.seeks.at(-1), h.commits.at(-1), ...h.fetching], ['0:500', '0:500', 0])
    h.fetched(p0, 500, 5)
    assert.deepEqual(h.handedOut(), ['0:500-505'])
    await h.it.commit(p0, 505)
    assert.equal(h.commits.at(-1), '0:505')
  })

  it('releases only what is stopped, at an offset that is there, when the positions have moved', async () => {
    const h = new Harness()
    const never = (): Promise<void> => assert.fail('prepared')
    await h.assign([p0])
    await assert.rejects(h.it.release(p0, 5, never), { code: 'KAFKA_NOT_STOPPED' })
    await assert.rejects(h.it.release(p1, 5, never), { code: 'KAFKA_NOT_STOPPED' })
    h.range = { earliest: 100, latest: 200 }
    h.fetched(p0, 100, 5)
    await nextTurn()
    assert.deepEqual(h.stopAt, [0])
    await assert.rejects(h.it.release(p0, 99, never), { code: 'KAFKA_NO_SUCH_OFFSET' })
    await assert.rejects(h.it.release(p0, 201, never), { code: 'KAFKA_NO_SUCH_OFFSET' })
    await assert.rejects(
      h.it.release(p0, 100, () => Promise.reject(new Error('the ledger is away'))),
      /ledger is away/,
    )
    const commits = h.commits.length
    await assert.rejects(
      h.it.release(p0, 100, () => h.assign([])),
      { code: 'KAFKA_NOT_STOPPED' },
    )
    assert.equal(h.commits.length, commits)
  })

  it('does not release a partition while a batch of it is in the flow', async () => {
    const h = new Harness()
    await h.assign([p0])
    h.fetched(p0, 0, 5)
    h.range = { earliest: 100, latest: 200 }
    h.fetched(p0, 100, 5)
    await nextTurn()
    assert.equal(h.stopped.length, 1)
    await assert.rejects(
      h.it.release(p0, 100, () => Promise.resolve()),
      /still in the flow/,
    )
    h.batches[0]?.finish()
    await nextTurn()
    await h.it.release(p0, 100, () => Promise.resolve())
    h.fetched(p0, 100, 5)
    assert.deepEqual(h.handedOut(), ['0:0-5', '0:100-105'])
  })

  it('stops where another reader was beyond the end, also when the offset to begin at is there', async () => {
    const h = new Harness()
    h.start = () => Promise.resolve({ offset: 40, reached: 2_000 })
    await h.assign([p0])
    await until(() => h.stops.length > 0)
    assert.match(h.stops[0]?.problem.message ?? '', /is 2000, but Kafka ends at 1000/)
    assert.deepEqual([h.stops[0]?.settled, h.stops[0]?.end], [40, 1_000])
    assert.deepEqual([...h.fetching], [])
  })

  it('does not begin a partition that is still stopped, until it is released', async () => {
    const h = new Harness()
    const problem = asPipelineError(new Error('possible loss'))
    h.start = () => Promise.resolve({ stop: { problem, nextOffset: 700, settled: 600, end: 50 } })
    await h.assign([p0])
    assert.deepEqual(h.stopAt, [700])
    assert.deepEqual([...h.fetching], [])
    await h.it.release(p0, 0, () => Promise.resolve())
    assert.deepEqual([h.seeks.at(-1), ...h.fetching], ['0:0', 0])
  })

  it('stops before a batch that cannot be taken into the flow, and continues where it is released', async () => {
    const h = new Harness()
    await h.assign([p0])
    h.fetched(p0, 0, 5)
    h.batches[0]?.finish()
    await nextTurn()
    h.fetched(p0, 5, 5)
    h.batches[1]?.fail(new Error('no message can be made of it'))
    await nextTurn()
    assert.deepEqual([h.stopAt, h.stops[0]?.settled], [[5], 5])
    await h.it.release(p0, 5, () => Promise.resolve())
    h.fetched(p0, 5, 5)
    assert.deepEqual(h.handedOut(), ['0:0-5', '0:5-10', '0:5-10'])
    h.batches[2]?.finish()
    await nextTurn()
    await h.it.commit(p0, 10)
    assert.equal(h.commits.at(-1), '0:10')
  })

  it('has no more bytes in the flow than the budget and one batch, and takes the partitions in turn', async () => {
    const h = new Harness(new BatchBudget(1))
    const p2 = { topic: 't', partition: 2 }
    await h.assign([p0, p1, p2])
    h.fetched(p0, 0, 30)
    h.fetched(p1, 0, 5)
    h.fetched(p2, 0, 5)
    const expected = ['0:0-10', '1:0-5', '2:0-5', '0:10-20', '0:20-30']
    for (let count = 1; count <= expected.length; count++) {
      assert.deepEqual(h.handedOut(), expected.slice(0, count))
      h.batches[count - 1]?.finish()
      await nextTurn()
    }
  })

  it('keeps counting what a former membership has left in the flow', async () => {
    const h = new Harness(new BatchBudget(1))
    await h.assign([p0, p1])
    h.fetched(p0, 0, 5)
    await h.it.close()
    h.it = h.session()
    await h.assign([p1])
    h.fetched(p1, 0, 5)
    assert.deepEqual(h.handedOut(), ['0:0-5'])
    h.batches[0]?.finish()
    await nextTurn()
    assert.deepEqual(h.handedOut(), ['0:0-5', '1:0-5'])
  })

  it('pins the first start before anything is read, however often Kafka refuses the commit', async () => {
    const h = new Harness()
    h.committedOffset = undefined
    h.start = () => Promise.resolve('latest')
    h.refusals = 3
    await h.assign([p0])
    assert.deepEqual([...h.fetching], [])
    await until(() => h.fetching.size > 0)
    assert.deepEqual([h.commits, h.refusals], [['0:1000'], -1])
  })

  it('commits what is done when it closes', async () => {
    const h = new Harness()
    await h.assign([p0])
    h.fetched(p0, 0, 5)
    void h.it.commit(p0, 5)
    await h.it.close()
    assert.deepEqual(h.commits, ['0:5'])
  })
})

describe('a partition that Kafka refuses', () => {
  const refuse = (h: Harness, partition: TopicPartition): void =>
    h.it.onAnswer({ request: 'fetch', partition, error: notAllowed() })
  const allow = (h: Harness, partition: TopicPartition): void =>
    h.it.onAnswer({ request: 'fetch', partition, error: undefined })

  it('rests and is named while the others are read, and is fetched again until it is allowed', async () => {
    const h = new Harness()
    await h.assign([p0, p1])
    refuse(h, p0)
    assert.deepEqual([...h.fetching], [1])
    assert.match(h.problems.get('refused')?.message ?? '', /^Kafka refuses t partition 0, .*\(Kafka ACL\)$/)
    assert.equal(h.problems.get('refused')?.code, 'KAFKA_FORBIDDEN')
    assert.equal(h.fetched(p1, 0, 10), true)
    for (let again = 0; again < 3; again++) {
      await until(() => h.fetching.has(0))
      refuse(h, p0)
      assert.equal(h.fetching.has(0), false)
    }
    await until(() => h.fetching.has(0))
    allow(h, p0)
    assert.deepEqual([...h.problems], [])
    assert.equal(h.fetched(p0, 0, 10), true)
  })

  it('is named with the others that are refused alike, and no longer when it is revoked', async () => {
    const h = new Harness()
    await h.assign([p0, p1])
    for (const partition of [p0, p1]) refuse(h, partition)
    assert.match(h.problems.get('refused')?.message ?? '', /t partition 0, t partition 1,/)
    await h.assign([p1])
    assert.match(h.problems.get('refused')?.message ?? '', /refuses t partition 1,/)
    await h.it.close()
    assert.deepEqual([...h.problems], [])
  })

  it('begins when it may be committed, and keeps no other from being committed', async () => {
    const h = new Harness()
    h.committedOffset = undefined
    h.forbidden = [p0]
    await h.assign([p0, p1])
    await until(() => h.fetching.has(1))
    assert.deepEqual([...h.fetching], [1])
    assert.deepEqual(h.commits, ['1:0'])
    assert.equal(h.problems.get('refused')?.code, 'KAFKA_FORBIDDEN')
    h.forbidden = []
    await until(() => h.fetching.has(0))
    assert.deepEqual([h.commits.at(-1), h.problems.size], ['0:0', 0])
  })
})

describe('partitions that were given up', () => {
  it('are remembered up to a number, and what is still in the flow is not forgotten', async () => {
    const h = new Harness()
    await h.assign([p0])
    h.fetched(p0, 0, 10)
    h.start = () => new Promise(() => undefined)
    const others = Array.from({ length: MAX_PARTITIONS + 10 }, (_, i) => ({
      topic: `gone-${i}`,
      partition: 0,
    }))
    await h.assign([p0])
    await h.assign(others)
    await h.assign([])
    assert.equal(h.past.size, MAX_PARTITIONS)
    assert.ok(h.past.has('t/0'))
  })
})

describe('a fetch from elsewhere', () => {
  it('during which Kafka cannot be asked is a problem of its partition alone, until that is read again', async () => {
    const h = new Harness()
    await h.assign([p0, p1])
    h.isAway = true
    h.fetched(p0, 500, 10)
    await until(() => h.problems.size > 0)
    assert.deepEqual([...h.problems.keys()], ['t/0'])
    h.isAway = false
    await until(() => h.fetching.has(0))
    assert.equal(h.fetched(p0, 0, 10), true)
    assert.deepEqual([...h.problems], [])
  })

  it('is no problem any more when its partition has stopped', async () => {
    const h = new Harness()
    await h.assign([p0])
    h.isAway = true
    h.fetched(p0, 500, 10)
    await until(() => h.problems.size > 0)
    h.range = { earliest: 100, latest: 1_000 }
    h.isAway = false
    await until(() => h.stops.length === 1)
    assert.deepEqual([...h.problems], [])
  })
})

describe('alsoDone', () => {
  const before = { committed: 10, doneTo: 30 }

  it('counts what was finished and could not be committed any more', () => {
    assert.equal(alsoDone(10, before), 30)
    assert.equal(alsoDone(20, before), 30)
    assert.equal(alsoDone(undefined, { committed: undefined, doneTo: 30 }), 30)
  })

  it('leaves an offset alone that others have moved: further, or back', () => {
    assert.equal(alsoDone(40, before), 40)
    assert.equal(alsoDone(5, before), 5)
    assert.equal(alsoDone(undefined, before), undefined)
    assert.equal(alsoDone(10, undefined), 10)
  })
})
