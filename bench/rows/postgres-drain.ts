import { example } from '../flows'
import type { Figures } from '../report/figures'
import { defineRow, type Measuring, type Side } from '../row'
import { drainTopic, dropPlace, newPlace, topicsOnDemand, type Place } from '../second-leg'
import { copyFiles, DEFAULT_COLUMNS, FIVE_COLUMNS, psqlMissing, writeCopyFiles } from '../subjects/psql'
import type { NodeRedVersion } from '../../dev/node-red/runtime'

interface PostgresSide extends Side {
  readonly table: 'default' | 'five'
  readonly version?: NodeRedVersion
  readonly byKey?: true
  readonly poison?: number
}

const FIVE_PSQL = 'psql \\copy, five columns'
const DEFAULT_PSQL = 'psql \\copy, default table'
const OURS_DEFAULT = 'default table, Node-RED 5'
/** Compared with ours. */
const DEFAULT = { table: 'default', version: '5', reference: OURS_DEFAULT } as const
const mapping = JSON.stringify(
  ['time', 'tenant', 'project', 'topic', 'payload'].map((from, at) => ({
    column: FIVE_COLUMNS.names[at],
    from,
  })),
)
const [pool] = example('03 Kafka to PostgreSQL only').filter(({ type }) => type === 'tenant-postgres')
const connections = Number(pool?.['poolSize'])

export const postgresDrain = defineRow<PostgresSide>({
  name: 'postgres-drain',
  title: '2 Kafka → PostgreSQL, drain',
  measures: `500,000 records of 300 B in six partitions, example 03. Into a table of five columns with one index (tenant, time), or into the table that the sink makes by itself; exactly once by ledger, by key, and with 1 % of records that can never be rows. \`psql \\copy\` copies the same rows from files, with ${connections} connections as the sink has, and without Kafka.`,
  reference: [FIVE_PSQL],
  sides: [
    { name: 'five columns, Node-RED 5', table: 'five', version: '5', quick: true },
    { name: 'five columns, Node-RED 4.1', table: 'five' },
    { name: FIVE_PSQL, table: 'five', peer: true, quick: true, missing: psqlMissing },
    { ...DEFAULT, name: OURS_DEFAULT, reference: DEFAULT_PSQL, quick: true },
    { name: DEFAULT_PSQL, table: 'default', peer: true, quick: true, missing: psqlMissing },
    { ...DEFAULT, name: 'default table, 1 % poison', poison: 1 },
    { ...DEFAULT, name: 'default table, by key', byKey: true },
  ],
  targets: [
    {
      side: 'five columns, Node-RED 5',
      figure: 'rate',
      atLeast: 130_000,
      note: '0.9 × Go COPY with two readers',
    },
    { side: 'five columns, Node-RED 5', figure: 'cpuEach', atMost: 4 },
    { side: 'five columns, Node-RED 5', figure: 'rss', atMost: 220 },
    ratio(OURS_DEFAULT, 0.75, 'five columns, Node-RED 5'),
    ratio('default table, 1 % poison', 0.6, OURS_DEFAULT),
    ratio('default table, by key', 0.6, OURS_DEFAULT),
  ],
  open: (measuring) => {
    const records = measuring.size(500_000, 60_000)
    const topicWith = topicsOnDemand()
    const copied = new Map<string, string[]>()
    /** Made by our sink, and filled again by psql, so that both have the same partitions and indexes. */
    let made: Place | undefined

    const ours = async (side: PostgresSide, now: Measuring): Promise<Figures> => {
      const database = await now.stage.database()
      const place = newPlace(now.stage)
      if (side.table === 'five') await makeFiveColumns(now, place.table)
      const sink = {
        ...(side.table === 'five' && { createTable: false, columns: mapping }),
        exactlyOnce: side.byKey ? ('key' as const) : ('ledger' as const),
      }
      const topic = await topicWith(now, { records, partitions: 6, poison: side.poison ?? 0 })
      const figures = await drainTopic(now, { topic, records, place, sink, version: side.version ?? '4.1' })
      if (side.name === OURS_DEFAULT) {
        if (made !== undefined) await dropPlace(database, made)
        made = place
      } else await dropPlace(database, place)
      return figures
    }

    const psql = async (side: PostgresSide, now: Measuring): Promise<Figures> => {
      const database = await now.stage.database()
      const columns = side.table === 'five' ? FIVE_COLUMNS : DEFAULT_COLUMNS
      const files = copied.get(side.table) ?? (await writeCopyFiles(now.stage, columns, records, connections))
      copied.set(side.table, files)
      const table = side.table === 'five' ? now.stage.name() : made!.table
      if (side.table === 'five') await makeFiveColumns(now, table)
      else await database.query(`truncate ${table}`)
      await database.query('checkpoint')
      const { address } = await now.stage.postgres()
      const rate = await copyFiles(files, columns, { database: address, table, records })
      if (side.table === 'five') await database.query(`drop table ${table}`)
      return { rate }
    }

    measuring.stage.onRowEnd(async () => {
      if (made !== undefined) await dropPlace(await measuring.stage.database(), made)
    })
    return Promise.resolve((side, now) => (side.peer ? psql(side, now) : ours(side, now)))
  },
})

function ratio(side: string, atLeast: number, of: string) {
  return { side, figure: 'rate' as const, atLeast, of: { side: of, as: 'ratio' as const } }
}

async function makeFiveColumns({ stage }: Measuring, table: string): Promise<void> {
  const database = await stage.database()
  await database.query(
    `create table ${table}
       (time timestamptz not null, tenant_id text, project_id text, mqtt_topic text, payload jsonb)`,
  )
  await database.query(`create index on ${table} (tenant_id, time desc)`)
}
