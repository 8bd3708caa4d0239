/** F and K rows of the second leg: between PostgreSQL's COMMIT and Kafka, and in what Kafka holds. */
import assert from 'node:assert/strict'
import { readTopic } from '../support/kafka-log'
import { until } from '../support/until'
import {
  codesOf,
  committedOf,
  configureTopic,
  distance,
  isEmpty,
  ledgerOf,
  postgresOf,
  releaseStopped,
} from './consumer-faults'
import { untilDrained } from './kafka-faults'
import { API, damage, fetchedBatches, KafkaMeddler } from './kafka-meddler'
import { lettersOfTheSink } from './postgres-oracle'
import { faultRow } from './row'
import { changed, DEAD_LETTER_TOPIC, Stage } from './stage'

const CONSUMER = 'tenant-kafka-consumer'
const SINK = 'tenant-postgres-sink'

describe('faults of the second leg', function () {
  this.timeout(120_000)
  const meddler = new KafkaMeddler()
  let stage: Stage
  before(async () => {
    stage = await Stage.start({
      secondLeg: true,
      meddler,
      kafka: {
        'log.retention.check.interval.ms': '1000',
        'log.initial.task.delay.ms': '1000',
      },
    })
  })
  afterEach(() => {
    meddler.clear()
    stage.healNetwork()
  })
  after(() => stage?.stop())

  const untilMoreRows = (more: number): Promise<void> => postgresOf(stage).untilMoreRows(more)

  faultRow(
    {
      id: 'F3',
      title: 'Node-RED is killed between the COMMIT of PostgreSQL and the offset commit',
      quick: true,
      repeats: 'window',
    },
    () => stage,
    async () => {
      await untilMoreRows(100)
      let held = 0
      meddler.onRequest = ({ api }) => {
        if (api !== API.offsetCommit) return undefined
        held++
        return new Promise<void>(() => undefined)
      }
      await until(
        'rows are committed whose offsets are held back',
        async () => held > 0 && distance(await ledgerOf(stage), await committedOf(stage)) > 0,
      )
      await stage.nodeRed.kill('SIGKILL')
      assert.ok(distance(await ledgerOf(stage), await committedOf(stage)) > 0, 'the offsets were committed')
      meddler.clear()
      await stage.nodeRed.start()
    },
  )

  faultRow(
    {
      id: 'F4',
      title: 'Node-RED is killed between the answer for a dead letter and the COMMIT that moves past it',
      repeats: 'window',
      deadLetters: true,
      rate: 200,
      timeoutMs: 300_000,
    },
    () => stage,
    async (run) => {
      const { name, publisher } = run
      await untilMoreRows(100)
      const { client, proxy } = postgresOf(stage)
      const toTopic = stage.flow.find(
        ({ type, target }) => type === 'tenant-dead-letter' && target === 'kafka',
      )
      const flow = changed(stage.flow, SINK, { deadLetters: 'output', wires: [[toTopic?.id]] })
      await stage.nodeRed.deploy(flow, 'full')
      await client.query(
        `alter table iot_messages add constraint fault check (message_id !~ '77$') not valid`,
      )
      await until('a dead letter of the sink is in Kafka', async () => (await letters(name)).length > 0)
      meddler.onAnswer = ({ api }, answer) => {
        if (api !== API.produce || !answer.includes(DEAD_LETTER_TOPIC)) return
        meddler.clear()
        proxy.set({ blackHole: 'up' })
      }
      const { swallowedBytes } = proxy
      await until(
        'PostgreSQL is out of reach, after a dead letter',
        () => proxy.swallowedBytes > swallowedBytes,
      )
      await stage.nodeRed.kill('SIGKILL')
      proxy.set({})
      const ledger = await ledgerOf(stage)
      const ahead = lettersOfTheSink(await letters(name)).filter(
        ({ partition, offset }) => (offset ?? 0) >= (ledger.get(partition) ?? 0),
      )
      assert.ok(ahead.length > 0, 'no dead letter is ahead of the ledger')
      await stage.nodeRed.start()
      await until('the position is after these records', async () => {
        const now = await ledgerOf(stage)
        return ahead.every(({ partition, offset }) => (offset ?? 0) < (now.get(partition) ?? 0))
      })
      // A record that is a dead letter already must not become a row as well when the table is repaired.
      publisher.setRate(0)
      await untilDrained(run)
      await until('everything is a row or a dead letter', async () => {
        const now = await ledgerOf(stage)
        return (await stage.records()).every(({ partition, offset }) => offset < (now.get(partition) ?? 0))
      })
      await client.query('alter table iot_messages drop constraint fault')
      publisher.setRate(200)
      await stage.nodeRed.deploy(stage.flow, 'full')
      const keys = new Map<string, Set<string | undefined>>()
      let copies = 0
      for (const { headers, key } of await readTopic(stage.kafka.address, DEAD_LETTER_TOPIC)) {
        const position = `${headers['dead-letter-kafka-partition']}/${headers['dead-letter-kafka-offset']}`
        copies += keys.has(position) ? 1 : 0
        keys.set(position, (keys.get(position) ?? new Set()).add(key))
      }
      assert.ok(copies > 0, 'no dead letter was written again')
      assert.deepEqual(
        [...keys.values()].filter(({ size }) => size > 1),
        [],
        'copies with another key',
      )
    },
  )

  faultRow(
    {
      id: 'K14',
      title:
        'fetched records are damaged: fetched again if it happened in transit, else the partition stops, alone',
      timeoutMs: 300_000,
    },
    () => stage,
    async () => {
      const codes = codesOf(stage.nodeRed)
      let damaged = 0
      const damageAnswers = (goal: number, partitions: (partition: number) => boolean): void => {
        damaged = 0
        meddler.onAnswer = ({ api }, answer) => {
          if (api !== API.fetch || damaged >= goal) return
          for (const { partition, batches } of fetchedBatches(answer))
            if (damaged < goal && partitions(partition) && damage(batches)) damaged++
        }
      }
      damageAnswers(3, () => true)
      await until('three answers were damaged', () => damaged === 3)
      await untilMoreRows(500)
      assert.deepEqual(
        codes.filter((code) => code === 'KAFKA_UNREADABLE'),
        [],
      )
      damageAnswers(Infinity, (partition) => partition === 0)
      await until('the partition stops', () => codes.includes('KAFKA_UNREADABLE'))
      const stopped = (await ledgerOf(stage)).get(0)
      await untilMoreRows(500)
      assert.equal((await ledgerOf(stage)).get(0), stopped, 'partition 0 moved')
      meddler.clear()
      await releaseStopped(stage, ({ nextOffset }) => nextOffset)
    },
  )

  faultRow(
    {
      id: 'K19',
      title:
        'retention deletes records that were not read: the partitions stop and report it, and resume where the operator says',
      reportedLoss: true,
      repeats: 'window',
      timeoutMs: 300_000,
    },
    () => stage,
    async (run) => {
      const codes = codesOf(stage.nodeRed)
      await stage.nodeRed.deploy(changed(stage.flow, CONSUMER, { d: true }), 'nodes')
      await run.publisher.untilMore(1000)
      run.publisher.setRate(0)
      await untilDrained(run)
      const [ledger, records] = [await ledgerOf(stage), await stage.records()]
      const written = records.filter(({ partition, offset }) => offset < (ledger.get(partition) ?? 0))
      assert.ok(written.length < records.length, 'everything was read')
      await configureTopic(stage, { 'retention.ms': '1000', 'segment.ms': '1000' })
      await until('Kafka has deleted all of them', () => isEmpty(stage), { pollMs: 500 })
      await configureTopic(stage)
      run.deleted.push(...written)
      await stage.nodeRed.deploy(stage.flow, 'nodes')
      await until('the loss is reported', () => codes.includes('KAFKA_OFFSET_OUT_OF_RANGE'))
      run.publisher.setRate(500)
      await run.publisher.untilMore(500)
      assert.deepEqual(await ledgerOf(stage), ledger, 'it resumed by itself')
      await releaseStopped(stage, ({ earliest }) => earliest)
      run.lossEnded()
    },
  )

  const letters = async (run: string): ReturnType<Stage['deadLetters']> =>
    (await stage.deadLetters()).filter(({ headers }) => headers['message-id']?.startsWith(`${run}-`))
})
