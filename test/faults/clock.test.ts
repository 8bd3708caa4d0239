/** F rows: the clock of Node-RED is wrong, or is set while it runs. Those of the servers are right. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { partitionName } from '../../src/postgres/table/partitions'
import { until } from '../support/until'
import { faultRow } from './row'
import { SettableClock } from './settable-clock'
import { Stage } from './stage'
import { WRITER } from './staged-postgres'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const TABLE = { schema: 'public', table: 'iot_messages' }

describe('a wrong clock', function () {
  this.timeout(120_000)
  const clock = new SettableClock()
  let stage: Stage
  before(async () => {
    stage = await Stage.start({ secondLeg: true, env: clock.env })
  })
  after(async () => {
    await stage?.stop()
    clock.remove()
  })

  /** A row on each of the three days before today, which the table keeps. @returns asserts that they are there, and removes them */
  async function rowsOfDaysBefore(): Promise<() => Promise<void>> {
    const { client } = stage.postgres!
    const today = Math.floor(Date.now() / DAY_MS)
    for (const day of [today - 3, today - 2, today - 1]) {
      const [from, to] = [day, day + 1].map((n) => new Date(n * DAY_MS).toISOString())
      const name = partitionName(TABLE, day)
      await client.query(
        `create table if not exists ${name} partition of iot_messages for values from ('${from}') to ('${to}')`,
      )
      await client.query(`alter table ${name} owner to ${WRITER}`)
      await client.query(`insert into iot_messages (time) values ('${from}')`)
    }
    return async () => {
      const { rowCount } = await client.query('delete from iot_messages where kafka_topic is null')
      assert.equal(rowCount, 3, 'rows of the days before')
    }
  }

  const warnings = (): number =>
    readFileSync(stage.nodeRed.logFile, 'utf8').split('Check the clock').length - 1

  const stored = async (): Promise<number> =>
    (await stage.postgres!.client.query<{ n: number }>('select count(*)::int as n from iot_messages'))
      .rows[0]!.n

  async function untilRowsFollow(what: string): Promise<void> {
    const before = await stored()
    await until(
      () => `rows follow ${what}\n${stage.nodeRed.logTail()}`,
      async () => (await stored()) >= before + 500,
      { giveUpMs: 60_000 },
    )
  }

  faultRow(
    {
      id: 'F15',
      title: 'the clock of Node-RED is set ahead and back while it runs, by an hour and by four days',
      timeoutMs: 300_000,
    },
    () => stage,
    async () => {
      const keptRows = await rowsOfDaysBefore()
      for (const aheadMs of [HOUR_MS, -HOUR_MS, 4 * DAY_MS, -4 * DAY_MS]) {
        clock.set(aheadMs)
        await untilRowsFollow(`a step to ${aheadMs / HOUR_MS} hours`)
        const before = warnings()
        // The sink looks after its table as soon as it is deployed.
        await stage.nodeRed.deploy(stage.flow, 'full')
        await until('the log says to check the clock', () => warnings() > before)
        await untilRowsFollow(`a deploy at ${aheadMs / HOUR_MS} hours`)
      }
      clock.set(0)
      await stage.nodeRed.deploy(stage.flow, 'full')
      await untilRowsFollow('the right time')
      await keptRows()
    },
  )

  faultRow(
    {
      id: 'F16',
      title: 'Node-RED starts with a clock that is ten years behind, which is then corrected',
      repeats: 'window',
      timeoutMs: 300_000,
    },
    () => stage,
    async () => {
      const keptRows = await rowsOfDaysBefore()
      await stage.nodeRed.stop()
      clock.set(-3650 * DAY_MS)
      await stage.nodeRed.start()
      await untilRowsFollow('a start ten years ago')
      clock.set(0)
      await untilRowsFollow('the right time')
      await stage.nodeRed.deploy(stage.flow, 'full')
      await untilRowsFollow('a deploy at the right time')
      await keptRows()
    },
  )
})
