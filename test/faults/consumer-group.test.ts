/** K rows of the consumer group: rights, logins, coordinators, members that come and go, offset commits that fail. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from 'kafkajs'
import type { FlowEntry } from '../../dev/node-red'
import { createTestTopic, withAdmin } from '../support/kafka'
import { numbered, produce } from '../support/kafka-consumers'
import { readTopic } from '../support/kafka-log'
import { until } from '../support/until'
import {
  codesOf,
  committedOf,
  distance,
  GROUP,
  ledgerOf,
  postgresOf,
  secondLegOf,
  READER,
  withReader,
} from './consumer-faults'
import { WITH_RIGHTS } from './kafka-faults'
import { API, isGood, KafkaMeddler, refuse, type Call } from './kafka-meddler'
import { faultRow } from './row'
import { changed, Stage } from './stage'

const CONSUMER = 'tenant-kafka-consumer'
const SINK = 'tenant-postgres-sink'
/** Kafka's error codes. */
const GROUP_ERRORS = {
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  ILLEGAL_GENERATION: 22,
  UNKNOWN_MEMBER_ID: 25,
  REBALANCE_IN_PROGRESS: 27,
} as const
/** Of these, the ones that Kafka answers to a client that joins. */
const JOIN_ERRORS = ['COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR', 'UNKNOWN_MEMBER_ID'] as const
const SASL_AUTHENTICATION_FAILED = 58
const COMMIT_FAILS_MS = 60_000

describe('faults of the consumer group', function () {
  this.timeout(120_000)
  const meddler = new KafkaMeddler()
  let stage: Stage
  before(async () => {
    stage = await Stage.start({
      secondLeg: true,
      meddler,
      kafka: {
        ...WITH_RIGHTS,
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
  const untilReading = (): Promise<void> => stage.untilGreen(CONSUMER)

  faultRow(
    {
      id: 'K10',
      title: 'the group is forbidden for 10 s: the consumer says so, and resumes when allowed',
    },
    () => stage,
    async () => {
      await withAdmin(stage.kafka.address, (admin) => admin.createAcls({ acl: [DENY_GROUP] }))
      try {
        await stage.untilStatus(CONSUMER, 'says that it is not allowed', ({ text }) =>
          /not allowed/.test(text),
        )
        let before = -1
        // What was fetched before is still written.
        await until(
          'no more rows are written',
          async () => before === (before = await postgresOf(stage).rowCount()),
          {
            pollMs: 2000,
          },
        )
        await sleep(10_000)
        assert.equal(await postgresOf(stage).rowCount(), before, 'rows were written')
      } finally {
        await withAdmin(stage.kafka.address, (admin) => admin.deleteAcls({ filters: [DENY_GROUP] }))
      }
      await untilReading()
    },
  )

  faultRow(
    { id: 'K10', title: 'the broker considers the login expired, three times' },
    () => stage,
    async () => {
      for (let time = 0; time < 3; time++) {
        const { refused, joined } = await refuseOnce(API.heartbeat, SASL_AUTHENTICATION_FAILED)
        // A login holds for a connection.
        assert.ok(joined !== undefined && joined !== refused, 'it is a member by the connection of before')
      }
    },
  )

  faultRow(
    {
      id: 'K17',
      title:
        'the group is disturbed, and while it is joined: coordinator moved, generation and member unknown, rebalances',
      timeoutMs: 300_000,
    },
    () => stage,
    async () => {
      for (const code of Object.values(GROUP_ERRORS)) {
        await refuseOnce(API.heartbeat, code)
        await refuseOnce(API.offsetCommit, code)
        await refuseOnce(API.syncGroup, code)
      }
      for (const name of JOIN_ERRORS) {
        await refuseOnce(API.joinGroup, GROUP_ERRORS[name])
        await refuseOnce(API.joinGroup, GROUP_ERRORS[name], GROUP_ERRORS.UNKNOWN_MEMBER_ID)
      }
    },
  )

  faultRow(
    {
      id: 'K18',
      title: 'a second Node-RED joins and leaves the group every 3 s, 6 times',
      timeoutMs: 300_000,
    },
    () => stage,
    async () => {
      const half = secondLegOf(stage.flow)
      const without = changed(half, CONSUMER, { d: true })
      const second = await stage.startSecondNodeRed(without)
      try {
        const codes = codesOf(second)
        for (let time = 0; time < 6; time++) {
          await second.deploy(half, 'full')
          await sleep(3000)
          await second.deploy(without, 'full')
          await sleep(3000)
        }
        const joins = codes.filter((code) => code === 'KAFKA_ASSIGNED').length
        assert.ok(joins >= 3, `it was given partitions ${joins} times`)
        await untilMoreRows(100)
      } finally {
        await second.stop()
        rmSync(second.userDir, { recursive: true })
      }
    },
  )

  faultRow(
    {
      id: 'K25',
      title:
        'a consumer of other topics joins the group: all topics are read, no matter which member leads and how they share',
    },
    () => stage,
    async () => {
      const { address } = stage.kafka
      const others = await createTestTopic(address, { partitions: 3 })
      const copy = await createTestTopic(address)
      const flow = withReader(stage.flow, { topics: others, group: GROUP }, copy)
      const written: string[] = []
      for (const assigner of ['round-robin', 'sticky']) {
        await stage.nodeRed.deploy(changed(flow, CONSUMER, { assigner }), 'nodes')
        for (const partition of [0, 1, 2]) {
          const values = numbered(100, `${assigner}-${partition}-`)
          await produce(address, others, values, partition)
          written.push(...values)
        }
        await until('the other topic is read', async () => {
          const copied = (await readTopic(address, copy)).map(({ value }) => String(value))
          return written.every((value) => copied.includes(value))
        })
        await untilMoreRows(500)
        await until('the reader is green', () => stage.nodeRed.statuses.get(READER)?.fill === 'green')
      }
      await stage.nodeRed.deploy(stage.flow, 'nodes')
      await untilReading()
    },
  )

  faultRow(
    {
      id: 'K20',
      title: `offset commits fail for ${COMMIT_FAILS_MS / 1000} s, and Node-RED is killed: the ledger rules`,
      repeats: 'window',
      timeoutMs: 300_000,
    },
    () => stage,
    async () => {
      let refused = 0
      meddler.onAnswer = (call, answer) => {
        if (call.api !== API.offsetCommit) return
        refused++
        refuse(call, answer, GROUP_ERRORS.COORDINATOR_NOT_AVAILABLE)
      }
      await sleep(COMMIT_FAILS_MS)
      await untilMoreRows(500)
      assert.ok(refused > 0, 'no commit was refused')
      // Kafka has taken what it answers to have refused: only a request that it never sees is not committed.
      meddler.onRequest = ({ api }) =>
        api === API.offsetCommit ? new Promise<void>(() => undefined) : undefined
      await until(
        'rows are committed whose offsets are not',
        async () => distance(await ledgerOf(stage), await committedOf(stage)) > 0,
      )
      await stage.nodeRed.kill('SIGKILL')
      meddler.clear()
      await stage.nodeRed.start()
    },
  )

  // The last one here: the sink keeps its name in the ledger, because with the one from before it would see a gap.
  faultRow(
    {
      id: 'K22',
      title: 'a copy of the flow, with its own ids, joins and leaves the group, 6 times',
      timeoutMs: 300_000,
    },
    () => stage,
    async () => {
      const original = changed(stage.flow, SINK, { ledgerName: '' })
      await stage.nodeRed.deploy(original, 'full')
      await untilMoreRows(500)
      const copy = withOtherIds(secondLegOf(original))
      const without = changed(copy, CONSUMER, { d: true })
      const second = await stage.startSecondNodeRed(without)
      try {
        const codes = codesOf(second)
        const joins = (): number => codes.filter((code) => code === 'KAFKA_ASSIGNED').length
        for (let time = 1; time <= 6; time++) {
          await second.deploy(copy, 'full')
          await until(`the copy was given partitions ${time} times`, () => joins() >= time)
          await untilMoreRows(1000)
          await second.deploy(without, 'full')
          await untilMoreRows(1000)
        }
      } finally {
        await second.stop()
        rmSync(second.userDir, { recursive: true })
      }
    },
  )

  /**
   * The next answer to such a request is an error; a client that does not send one is made to join, by the error that
   * the next heartbeat `tells`. Then Kafka has to take such a request again, or the client as a member; and rows continue.
   * @returns the connections of the refusal and of the first good answer to SyncGroup after it
   */
  async function refuseOnce(
    api: number,
    code: number,
    tells: number = GROUP_ERRORS.REBALANCE_IN_PROGRESS,
  ): Promise<{ refused?: object; joined?: object }> {
    const [joins, rejoins] = [
      api === API.joinGroup || api === API.syncGroup,
      api === API.heartbeat && code !== GROUP_ERRORS.COORDINATOR_NOT_AVAILABLE,
    ]
    let told = !joins
    let refused: object | undefined
    let joined: object | undefined
    let taken = false
    meddler.onAnswer = (call: Call, answer) => {
      const { connection } = call
      if (refused === undefined && told && call.api === api) {
        refused = connection
        refuse(call, answer, code)
      } else if (!told && call.api === API.heartbeat) {
        told = true
        refuse(call, answer, tells)
      } else if (refused !== undefined) {
        taken ||= call.api === api && isGood(call, answer)
        if (call.api === API.syncGroup && isGood(call, answer)) joined ??= connection
      }
    }
    const what = `request ${api}, answered with error ${code}`
    await until(what, () => refused !== undefined)
    await until(`the client is a member again after ${what}`, () =>
      joins || rejoins ? joined !== undefined : taken,
    )
    await untilMoreRows(500)
    await untilReading()
    return { ...(refused && { refused }), ...(joined && { joined }) }
  }
})

/** As the editor imports it: every node, tab and configuration with a new id. */
function withOtherIds(flow: readonly FlowEntry[]): FlowEntry[] {
  const ids = flow.map(({ id }) => JSON.stringify(id))
  const text = ids.reduce((all, id) => all.replaceAll(id, `${id.slice(0, -1)}c"`), JSON.stringify(flow))
  return JSON.parse(text) as FlowEntry[]
}

const DENY_GROUP = {
  resourceType: AclResourceTypes.GROUP,
  resourceName: GROUP,
  resourcePatternType: ResourcePatternTypes.LITERAL,
  principal: 'User:ANONYMOUS',
  host: '*',
  operation: AclOperationTypes.ALL,
  permissionType: AclPermissionTypes.DENY,
}
