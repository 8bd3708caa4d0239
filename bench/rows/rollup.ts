import type { FlowEntry } from '../../dev/node-red'
import { watchDrain } from '../drain'
import { example } from '../flows'
import type { Figures } from '../report/figures'
import { defineRow, type Measuring, type Side } from '../row'
import { dropPlace, newPlace, positionIn, secondLegChange, topicsOnDemand, type Place } from '../second-leg'
import { startNodeRed } from '../subjects/node-red'

interface RollupSide extends Side {
  readonly withRows?: true
}

const ALONE = 'roll-up alone'
const LENGTHS = ['1m', '1h', '1d']
/** Of `measurement`. */
const NUMBERS = 4

export const rollup = defineRow<RollupSide>({
  name: 'rollup',
  title: '10 Roll-up',
  rounds: 3,
  measures:
    '300,000 records of 300 B with four numbers each, of 200 devices in six partitions, each device in one of them; consumer and roll-up in batches, windows of 1 minute, 1 hour and 1 day, Node-RED 5. By itself, or as in example 14 beside a sink that stores the raw rows. Afterwards the windows of each length have counted each number once.',
  reference: [ALONE],
  sides: [
    { name: ALONE, quick: true },
    { name: 'roll-up and raw rows', withRows: true },
  ],
  targets: [
    { side: ALONE, figure: 'rate', atLeast: 100_000 },
    { side: ALONE, figure: 'rss', atMost: 1000 },
  ],
  open: (measuring) => {
    const records = measuring.size(300_000, 60_000)
    const topicWith = topicsOnDemand()
    return Promise.resolve(async ({ withRows }, now) => {
      const topic = await topicWith(now, { records, partitions: 6, measurements: true })
      const database = await now.stage.database()
      const place = newPlace(now.stage)
      try {
        return await drain(now, { flow: flowFor(topic, place, withRows === true), records, place })
      } finally {
        for (const length of LENGTHS) await database.query(`drop table if exists ${windowsIn(place, length)}`)
        await dropPlace(database, place)
      }
    })
  },
})

const rollupOf = ({ table }: Place): string => `${table}_windows`
const windowsIn = (place: Place, length: string): string => `${rollupOf(place)}_${length}`

function flowFor(topic: string, place: Place, withRows: boolean): FlowEntry[] {
  const table = rollupOf(place)
  const change = secondLegChange(topic, place)
  const windows = { table, ledgerName: table, deadLetterTable: place.letters }
  return example('14 Raw rows and a roll-up', {
    change: { ...change, 'tenant-rollup': windows },
    // Nothing looks at the windows: a Debug node would send each of them to the editor.
    without: withRows ? ['debug'] : ['debug', 'tenant-postgres-sink'],
  })
}

interface RollupDrain {
  readonly flow: readonly FlowEntry[]
  readonly records: number
  readonly place: Place
}

async function drain(now: Measuring, { flow, records, place }: RollupDrain): Promise<Figures> {
  const database = await now.stage.database()
  await database.query('checkpoint')
  const { address } = await now.stage.postgres()
  const subject = await startNodeRed(now.stage, { flow, version: '5', database: address })
  try {
    const figures = await watchDrain(records, () => positionIn(database, place.ledger), subject, now.signal)
    for (const length of LENGTHS) {
      const counted = await database.query<{ n: string }>(
        `select coalesce(sum(count), 0) as n from ${windowsIn(place, length)}`,
      )
      const n = Number(counted.rows[0]?.n)
      if (n !== NUMBERS * records) throw new Error(`${length}: ${n} numbers of ${NUMBERS * records}`)
    }
    return figures
  } finally {
    await subject.end()
  }
}
