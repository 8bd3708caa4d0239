/** What PostgreSQL takes at most: `psql \copy` from files on as many connections as our sink has. `PSQL`, else the PATH. */
import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { run } from '../../dev/services/run'
import { kafkaRecord } from '../load/messages'
import type { Stage } from '../stage'

const CHUNK = 1000

export function psqlProgram(): string | undefined {
  const { PSQL, PATH = '' } = process.env
  const candidates = PSQL ? [PSQL] : PATH.split(path.delimiter).map((folder) => path.join(folder, 'psql'))
  return candidates.find((file) => existsSync(file))
}

export function psqlMissing(): string | undefined {
  return psqlProgram() === undefined ? 'no psql: put one on the PATH or set PSQL' : undefined
}

/** Columns of the table that it copies to, and their values in COPY's text format. */
export interface CopiedColumns {
  readonly names: readonly string[]
  readonly valuesOf: (row: {
    n: number
    time: string
    tenant: string
    topic: string
    payload: string
  }) => string[]
}

export const FIVE_COLUMNS: CopiedColumns = {
  names: ['time', 'tenant_id', 'project_id', 'mqtt_topic', 'payload'],
  valuesOf: ({ time, tenant, topic, payload }) => [time, tenant, tenant, topic, payload],
}

export const DEFAULT_COLUMNS: CopiedColumns = {
  names: [...FIVE_COLUMNS.names, 'message_id', 'kafka_topic', 'kafka_partition', 'kafka_offset'],
  valuesOf: (row) => [
    ...FIVE_COLUMNS.valuesOf(row),
    `bench-${row.n}`,
    'bench',
    String(row.n % 6),
    String(row.n),
  ],
}

/** The rows that our sink would write for these records, one file per connection. @returns the files */
export async function writeCopyFiles(
  stage: Stage,
  { names, valuesOf }: CopiedColumns,
  records: number,
  connections: number,
): Promise<string[]> {
  const folder = stage.folder()
  const files: string[] = []
  for (let connection = 0; connection < connections; connection++) {
    const file = path.join(folder, `${names.length}-columns-${connection}.copy`)
    const handle = await open(file, 'w')
    for (let n = connection; n < records;) {
      let lines = ''
      for (const end = n + CHUNK * connections; n < Math.min(end, records); n += connections) {
        const { headers, value } = kafkaRecord(n, 0)
        const [tenant, topic] = [String(headers?.['tenant']), String(headers?.['mqtt-topic'])]
        const row = { n, time: new Date().toISOString(), tenant, topic, payload: String(value) }
        lines += `${valuesOf(row).join('\t')}\n`
      }
      await handle.write(lines)
    }
    await handle.close()
    files.push(file)
  }
  return files
}

/** @returns rows a second */
export async function copyFiles(
  files: readonly string[],
  { names }: CopiedColumns,
  { database, table, records }: { database: string; table: string; records: number },
): Promise<number> {
  const startedAt = performance.now()
  const runs = await Promise.all(
    files.map((file) => {
      const copy = `\\copy ${table} (${names.join(', ')}) from '${file}'`
      return run(psqlProgram()!, ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', copy])
    }),
  )
  const failed = runs.find(({ ok }) => !ok)
  if (failed !== undefined) throw new Error(`psql failed: ${failed.output}`)
  return records / ((performance.now() - startedAt) / 1000)
}
