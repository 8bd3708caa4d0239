/** K rows of the consumer group: rights, logins, coordinators, members that come and go, offset commits that fail. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from 'kafkajs'
import { withAdmin } from '../support/kafka'
import { until } from '../support/until'
import { codesOf, committedOf, distance, GROUP, ledgerOf, postgresOf, secondLegOf } from './consumer-faults'
import { WITH_RIGHTS } from './kafka-faults'
import { API, KafkaMeddler, refuse, refuseCommits } from './kafka-meddler'
import { faultRow } from './row'
import { changed, Stage } from './stage'

const CONSUMER = 'tenant-kafka-consumer'
/** Kafka's error codes. */
const GROUP_ERRORS = {
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  ILLEGAL_GENERATION: 22,
  UNKNOWN_MEMBER_ID: 25,
  REBALANCE_IN_PROGRESS: 27,
} as const
const SASL_AUTHENTICATION_FAILED = 58
const COMMIT_FAILS_MS = 30_000

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
      title: 'the group is forbidden for 10 s: the consumer says so, and goes on when it is allowed',
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
    { id: 'K10', title: 'the broker takes the login for expired, three times' },
    () => stage,
    async () => {
      for (let time = 0; time < 3; time++) await refuseOnce(API.heartbeat, SASL_AUTHENTICATION_FAILED)
    },
  )

  faultRow(
    {
      id: 'K17',
      title: 'the group is disturbed: coordinator moved, generation and member unknown, rebalances',
      timeoutMs: 300_000,
    },
    () => stage,
    async () => {
      for (const code of Object.values(GROUP_ERRORS)) {
        await refuseOnce(API.heartbeat, code)
        await refuseOnce(API.offsetCommit, code)
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
      id: 'K20',
      title: `offset commits fail for ${COMMIT_FAILS_MS / 1000} s, and Node-RED is killed: the ledger rules`,
      repeats: 'window',
      timeoutMs: 300_000,
    },
    () => stage,
    async () => {
      let refused = 0
      meddler.onAnswer = ({ api }, answer) => {
        if (api !== API.offsetCommit) return
        refused++
        refuseCommits(answer, GROUP_ERRORS.COORDINATOR_NOT_AVAILABLE)
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

  /** The next answer to such a request is an error; then rows go on. */
  async function refuseOnce(api: number, code: number): Promise<void> {
    let refused = 0
    meddler.onAnswer = (call, answer) => {
      if (call.api !== api || refused > 0) return
      refused++
      if (api === API.offsetCommit) refuseCommits(answer, code)
      else refuse(answer, code)
    }
    await until(`request ${api} is answered with error ${code}`, () => refused > 0)
    await untilMoreRows(500)
    await untilReading()
  }
})

const DENY_GROUP = {
  resourceType: AclResourceTypes.GROUP,
  resourceName: GROUP,
  resourcePatternType: ResourcePatternTypes.LITERAL,
  principal: 'User:ANONYMOUS',
  host: '*',
  operation: AclOperationTypes.ALL,
  permissionType: AclPermissionTypes.DENY,
}
