/** K rows of the brokers: they die, freeze, lose their place as leader, or their answers get lost. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaBroker } from '../../dev/services/kafka-broker'
import type { FlowEntry } from '../../dev/node-red'
import { withAdmin } from '../support/kafka'
import { until } from '../support/until'
import {
  configure,
  ERROR,
  leaders,
  ProduceErrors,
  SettledCount,
  startAll,
  takenBetween,
  THREE_BROKERS,
  untilProducerSays,
} from './kafka-faults'
import { KafkaMeddler } from './kafka-meddler'
import { electPreferredLeaders } from './kafka-requests'
import { ALL_ROWS, faultRow, type Run } from './row'
import { Stage, TOPIC } from './stage'

const PARTITIONS = [0, 1, 2, 3, 4, 5]
const BROKERS = [1, 2, 3]

describe('faults of Kafka brokers', function () {
  this.timeout(120_000)
  let stage: Stage
  const meddler = new KafkaMeddler()
  before(async () => {
    stage = await Stage.start({ ...THREE_BROKERS, meddler })
  })
  afterEach(async () => {
    meddler.clear()
    // A row that fails leaves its brokers down or frozen, and the next one would fail for that.
    await startAll(stage)
    await stage.nodeRed.deploy(stage.flow, 'nodes')
  })
  after(() => stage?.stop())

  const broker = (id: number): KafkaBroker => stage.kafka.brokers[id - 1] as KafkaBroker

  faultRow(
    {
      id: 'K1',
      title: 'the leader of a partition is dead for 15 s: the other partitions continue',
      mode: 'message',
    },
    () => stage,
    async (run) => {
      const before = await leaders(stage)
      const victim = before.get(0) ?? 1
      await broker(victim).stop('SIGKILL')
      const from = Date.now()
      await sleep(15_000)
      const to = Date.now()
      await startAll(stage)
      const partition = (each: number): boolean => before.get(each) !== victim
      const taken = await takenBetween(run, from, to, { partition })
      assert.ok(taken >= 100, `the other partitions took ${taken} records meanwhile`)
    },
  )

  faultRow(
    {
      id: 'K2',
      title: 'all brokers are dead for 60 s: nothing is acknowledged, memory does not grow',
      qos: 1,
      timeoutMs: 240_000,
    },
    () => stage,
    async () => {
      await Promise.all(BROKERS.map((id) => broker(id).stop('SIGKILL')))
      await stage.untilStatus('tenant-mqtt-source', 'is full', ({ fill }) => fill !== 'green')
      const settled = new SettledCount(stage)
      const rss = await stage.nodeRed.rssBytes()
      await sleep(60_000)
      const grown = (await stage.nodeRed.rssBytes()) - rss
      assert.equal(settled.count, 0, 'settled without Kafka')
      settled.end()
      assert.ok(grown < 32 * 1024 * 1024, `${grown} bytes more memory`)
      await startAll(stage)
    },
  )

  const moves = ALL_ROWS ? 24 : 8
  const moveLeaders = async ({ random }: Run): Promise<void> => {
    let moved = 0
    let before = await leaders(stage)
    for (let move = 0; move < moves; move++) {
      const first = Math.floor(random() * BROKERS.length)
      const partitionAssignment = PARTITIONS.map((partition) => ({
        partition,
        replicas: BROKERS.map((_, at) => BROKERS[(partition + first + move + at) % BROKERS.length] as number),
      }))
      await withAdmin(stage.kafka.address, (admin) =>
        admin.alterPartitionReassignments({ topics: [{ topic: TOPIC, partitionAssignment }] }),
      )
      await electPreferredLeaders(stage.kafka.address, TOPIC, PARTITIONS)
      const now = await leaders(stage)
      moved += PARTITIONS.filter((partition) => now.get(partition) !== before.get(partition)).length
      before = now
      await sleep(500)
    }
    assert.ok(moved >= moves, `${moved} leaders moved`)
  }

  faultRow(
    { id: 'K4', title: 'the leaders move every 500 ms, records with keys', quick: true, qos: 1 },
    () => stage,
    moveLeaders,
  )

  faultRow(
    {
      id: 'K4',
      title: 'the leaders move every 500 ms, records without keys',
      mode: 'message',
      unordered: true,
    },
    () => stage,
    async (run) => {
      await stage.nodeRed.deploy(withoutKeys(stage.flow), 'nodes')
      await moveLeaders(run)
    },
  )

  faultRow(
    { id: 'K5', title: 'too few replicas are in sync, repeatedly, also after the leader has appended' },
    () => stage,
    async ({ publisher }) => {
      await configure(stage, { 'min.insync.replicas': '3' })
      const errors = new ProduceErrors(meddler)
      for (const id of [3, 2, 1]) {
        // What was sent just now is appended and waits for this follower, until it is out of the set.
        await broker(id).freeze()
        await untilProducerSays(stage, /too few replicas/)
        broker(id).thaw()
        await startAll(stage)
        await publisher.untilMore(200)
      }
      await configure(stage, {})
      assert.ok(errors.of(ERROR.notEnoughReplicas) > 0, `Kafka's errors: ${String(errors)}`)
      await stage.untilStatus('tenant-kafka-producer', 'is green', ({ fill }) => fill === 'green')
      // Since Kafka 4 a partition with too few replicas confirms nothing, so that what was appended before times out.
      // Here the broker appends and is made to say so: anything but the same batch would then be stored twice.
      errors.instead.set(ERROR.none, ERROR.notEnoughReplicasAfterAppend)
      await untilProducerSays(stage, /too few replicas/)
      await until('20 answers', () => errors.of(ERROR.notEnoughReplicasAfterAppend) >= 20)
      console.log(`      Kafka's errors: ${String(errors)}`)
      errors.end()
    },
  )

  faultRow(
    { id: 'K6', title: 'answers get lost after the broker has appended', quick: true },
    () => stage,
    async ({ random }) => {
      const lost = (): number => stage.kafkaProxies.reduce((sum, proxy) => sum + proxy.lostAnswers, 0)
      const before = lost()
      while (lost() < before + 30) {
        for (const proxy of stage.kafkaProxies) proxy.loseNextAnswers()
        await sleep(100 + random() * 300)
      }
      // Lost without a word: the request times out.
      for (const proxy of stage.kafkaProxies) proxy.set({ blackHole: 'down' })
      await untilProducerSays(stage, /no answer/)
      for (const proxy of stage.kafkaProxies) proxy.set({})
    },
  )

  faultRow(
    { id: 'K7', title: 'two of three brokers are stopped: no acknowledgement leaves until they are back' },
    () => stage,
    async () => {
      const errors = new ProduceErrors(meddler)
      // After the rows before, the one that stays may lead no partition, and would be sent nothing that it could answer.
      await electPreferredLeaders(stage.kafka.address, TOPIC, PARTITIONS)
      await until('the broker that stays knows that it leads a partition', async () =>
        [...(await leaders(stage, broker(1).address)).values()].includes(1),
      )
      await Promise.all([2, 3].map((id) => broker(id).stop('SIGKILL')))
      await stage.untilStatus('tenant-mqtt-source', 'is full', ({ fill }) => fill !== 'green')
      const settled = new SettledCount(stage)
      await sleep(10_000)
      // The two are controllers as well: no controller is left to take them out of the set of those in sync, so the third
      // waits for them and its answer is a timeout, where too few replicas would be the answer with a controller.
      await until('a timeout is answered', () => errors.of(ERROR.requestTimedOut) > 0)
      assert.match(stage.statusOf('tenant-kafka-producer')?.text ?? '', /^Kafka: .* waiting$/)
      assert.equal(settled.count, 0, 'settled with one replica')
      settled.end()
      errors.end()
      await startAll(stage)
    },
  )

  faultRow(
    { id: 'K16', title: 'a leader freezes for 40 s, and finds that it is no longer the leader' },
    () => stage,
    async (run) => {
      const before = await leaders(stage)
      const leader = before.get(0) ?? 1
      const frozen = broker(leader)
      await frozen.freeze()
      const from = Date.now()
      await sleep(40_000)
      const to = Date.now()
      frozen.thaw()
      await startAll(stage)
      // While it was frozen another broker must have led its partitions: they took records.
      const partition = (each: number): boolean => before.get(each) === leader
      const taken = await takenBetween(run, from + 1000, to, { partition })
      assert.ok(taken >= 100, `its partitions took ${taken} records meanwhile`)
    },
  )
})

/** The flow with a Change node before the producer that takes the keys away. */
function withoutKeys(flow: readonly FlowEntry[]): FlowEntry[] {
  const producer = flow.find(({ type }) => type === 'tenant-kafka-producer')
  const remover: FlowEntry = {
    id: 'fault-change',
    type: 'change',
    z: producer?.['z'],
    rules: [{ t: 'delete', p: 'kafka.key', pt: 'msg' }],
    wires: [[producer?.id]],
  }
  const routed = flow.map((entry) => {
    if (entry.type !== 'tenant-topic') return entry
    const [, ...others] = entry['wires'] as string[][]
    return { ...entry, wires: [[remover.id], ...others] }
  })
  return [...routed, remover]
}
