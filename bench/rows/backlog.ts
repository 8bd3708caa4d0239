import { setTimeout as sleep } from 'node:timers/promises'
import { watchDrain } from '../drain'
import { produce } from '../live'
import type { Figures } from '../report/figures'
import { defineRow, type Measuring, type Side } from '../row'
import {
  drainAndDrop,
  dropPlace,
  fillTopic,
  newPlace,
  positionIn,
  secondLeg,
  topicsOnDemand,
} from '../second-leg'
import { startNodeRed } from '../subjects/node-red'

interface BacklogSide extends Side {
  readonly outage: boolean
}

const FULL = 'full rate'
const AFTER = 'after an outage, live beside'
const LIVE_RATE = 1000
const PARTITIONS = 6
const MB = 2 ** 20

export const backlog = defineRow<BacklogSide>({
  name: 'backlog',
  title: '5 A backlog of 15 minutes',
  rounds: 3,
  measures:
    'PostgreSQL is down while 900,000 records arrive (15 minutes of 1,000 msg/s), and comes back while 1,000 msg/s still arrive: the rate at which the backlog shrinks to nothing, as a share of the rate of a drain with nothing else; *RSS grown by* is what the Node-RED that waits has more than before. Second leg, default table, Node-RED 5.',
  reference: [FULL],
  sides: [
    { name: FULL, outage: false },
    { name: AFTER, outage: true },
  ],
  targets: [
    { side: AFTER, figure: 'rate', atLeast: 0.85, of: { side: FULL, as: 'ratio' } },
    { side: AFTER, figure: 'rssGrowth', atMost: 150 },
  ],
  open: (measuring) => {
    const records = measuring.size(900_000, 60_000)
    const topicWith = topicsOnDemand()
    return Promise.resolve(async ({ outage }, now) => {
      if (outage) return afterOutage(now, records)
      const topic = await topicWith(now, { records, partitions: PARTITIONS })
      return drainAndDrop(now, { topic, records, version: '5' })
    })
  },
})

async function afterOutage(measuring: Measuring, records: number): Promise<Figures> {
  const { stage, signal } = measuring
  const postgres = await stage.postgres()
  const place = newPlace(stage)
  const topic = await fillTopic(measuring, { records: PARTITIONS * 1000, partitions: PARTITIONS })
  const flow = secondLeg(topic, place)
  const subject = await startNodeRed(stage, { version: '5', flow, database: postgres.address })
  const ended = new AbortController()
  let producing: Promise<unknown> | undefined
  try {
    const before = await stage.database()
    while ((await positionIn(before, place.ledger)) < PARTITIONS * 1000)
      await sleep(100, undefined, { signal })
    const idle = await subject.usage(true)
    await postgres.shutDown()
    await fillTopic(measuring, { records, partitions: PARTITIONS }, topic)
    await sleep(measuring.size(10_000, 2_000), undefined, { signal })
    const stalled = await subject.usage()
    await postgres.restart()
    const database = await stage.database()
    producing = produce(stage, topic, LIVE_RATE, Infinity, AbortSignal.any([signal, ended.signal])).catch(
      () => undefined,
    )
    const goal = PARTITIONS * 1000 + records
    const figures = await watchDrain(goal, () => positionIn(database, place.ledger), subject, signal)
    return { ...figures, rssGrowth: (stalled.maxRss - idle.rss) / MB }
  } finally {
    ended.abort()
    await producing
    await subject.end()
    if (postgres.pid === undefined) await postgres.restart()
    await dropPlace(await stage.database(), place)
  }
}
