/** What is remembered by the name of a topic, a tenant or a device has a bound: a stranger can invent any number of names. */
import assert from 'node:assert/strict'
import { FirstStarts } from '../../src/kafka/group/first-starts'
import { TopicChecks } from '../../src/kafka/topics/topic-checks'
import { TopicRefusals } from '../../src/kafka/topics/topic-refusals'
import { VanishedPartitions } from '../../src/kafka/topics/vanished-partitions'
import { Arrivals } from '../../src/postgres/table/arrivals'
import { PartitionMemory } from '../../src/postgres/ledger/partition-memory'
import { SharedRefusals } from '../../src/postgres/refusals/shared-refusals'
import { SinkEvents } from '../../src/postgres/sink/sink-events'
import { TenantBreakers } from '../../src/postgres/refusals/tenant-breakers'
import { Turns } from '../../src/postgres/connect/turns'
import { CountLog } from '../../src/log/count-log'
import { PipelineError } from '../../src/wire/errors'
import { MAX_PARTITIONS, RecentMap } from '../../src/runtime/recent-map'
import { TopicCache } from '../../src/tenant/topic-cache'
import { keptLog } from '../support/events'

interface Remembered {
  readonly what: string
  readonly bound: number
  readonly make: () => object
  /** Notes the name that has this number. */
  readonly add: (it: never, name: string, at: number) => unknown
}

function row<T extends object>(
  what: string,
  bound: number,
  make: () => T,
  add: (it: T, name: string, at: number) => unknown,
): Remembered {
  return { what, bound, make, add }
}

const refused = new PipelineError('KAFKA_INVALID_RECORD', 'refused', { retryable: false })
const positionOf = (topic: string) => ({ clusterId: 'c', group: 'g', topic, partition: 0 })

const TABLE: readonly Remembered[] = [
  row(
    'a map that forgets',
    100,
    () => new RecentMap<string, number>(100),
    (it, name, at) => it.set(name, at),
  ),
  row(
    'MQTT topics and what a pattern finds in them',
    10_000,
    () => new TopicCache<string>(),
    (it, name) => it.get(name, (topic) => topic),
  ),
  row(
    'Kafka topics that were looked at',
    20,
    () =>
      new TopicChecks({
        admin: () => ({ describeTopic: () => Promise.resolve(undefined) }),
        log: keptLog().log,
        warnings: () => [],
      }),
    (it, name) => it.check(name),
  ),
  row(
    'Kafka topics that refuse records',
    1_000,
    () => new TopicRefusals(() => 0),
    (it, name) => it.judge(name, [{ key: null, value: null, headers: {}, timestamp: 0 }], refused),
  ),
  row(
    'Kafka topics with fewer partitions',
    1_000,
    () => new VanishedPartitions(() => 0),
    (it, name) => it.isGone(name, 1, 1),
  ),
  row(
    'Kafka topics and where a group began with them',
    100,
    () => new FirstStarts(100),
    (it, name) => {
      it.noteTopics([name], [])
      it.decide(name, new Map([[0, undefined]]), false)
    },
  ),
  row(
    'partitions and the positions that PostgreSQL has confirmed',
    MAX_PARTITIONS,
    () => new PartitionMemory(),
    (it, name, at) => it.confirm({ ...positionOf(name), sink: 's' }, at),
  ),
  row(
    'topics that take turns with the connections',
    1_024,
    () => new Turns(2),
    async (it, name) => (await it.take(name))(),
  ),
  row(
    'tenants whose records are rejected',
    1_000,
    () => new TenantBreakers(),
    (it, tenant) => it.note([{ tenant, payload: '' }], () => true),
  ),
  row(
    'topics that the table took rows of, and tenants that it refused',
    1_000,
    () => new SharedRefusals(),
    (it, name) => {
      const record = { tenant: name, payload: '' }
      const stored = { tenant: 'another', payload: '', kafka: { topic: name } }
      it.note([stored, record] as never, [{ record, reason: { code: '22P02', message: 'bad' } }] as never)
    },
  ),
  row(
    'tenants whose table is away',
    100,
    () => new SinkEvents(keptLog().log),
    (it, tenant) => it.noteTenantTable(tenant, refused),
  ),
  row(
    'tenants in one line of the log',
    1_000,
    () => new CountLog(keptLog().log, { code: 'REJECTED', text: String }),
    (it, tenant) => it.add(1, tenant),
  ),
  row(
    'days that rows fall on',
    10_000,
    () => new Arrivals(),
    (it, _, at) => it.note([at]),
  ),
]

/** The largest map, set or list that an object holds, however deep. */
function largestIn(held: unknown, seen = new Set<unknown>()): number {
  if (typeof held !== 'object' || held === null || Buffer.isBuffer(held) || seen.has(held)) return 0
  seen.add(held)
  const own = held instanceof Map || held instanceof Set ? held.size : Array.isArray(held) ? held.length : 0
  const inner = held instanceof Map || held instanceof Set ? [...held.values()] : Object.values(held)
  let largest = own
  for (const each of inner) largest = Math.max(largest, largestIn(each, seen))
  return largest
}

describe('what is remembered by a name from outside', () => {
  for (const { what, bound, make, add } of TABLE) {
    it(`is at most ${bound} ${what}`, async () => {
      const it = make()
      const fill = async (from: number, to: number): Promise<number> => {
        for (let at = from; at < to; at++) await add(it as never, `name-${at}`, at)
        return largestIn(it)
      }
      assert.ok((await fill(0, bound)) >= bound - 1, 'this test does not fill it')
      const held = await fill(bound, bound + 50)
      assert.ok(held <= bound, `${held} are held`)
    })
  }
})

describe('a map that forgets', () => {
  it('forgets what was used longest ago', () => {
    const map = new RecentMap<string, number>(2)
    map.set('a', 1)
    map.set('b', 2)
    assert.equal(map.get('a'), 1)
    map.set('c', 3)
    assert.deepEqual([map.get('a'), map.get('b'), map.get('c'), map.size], [1, undefined, 3, 2])
  })
})
