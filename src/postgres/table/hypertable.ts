/**
 * A table that TimescaleDB cuts: how long a chunk is, when it is compressed and when it is dropped. TimescaleDB does the
 * work by policies of its own, also while Node-RED is away; we only make the policies say what the dialog says.
 */
import type { ClientBase } from 'pg'
import type { Column } from '../rows/columns'
import type { Database } from '../connect/database'
import { DatabaseError } from '../connect/database-error'
import type { TableName } from '../connect/identifiers'
import {
  allowCompression,
  describeHypertable,
  setChunkHours,
  setPolicy,
  type HypertableState,
} from './hypertable-statements'
import { lockDefinitions } from '../connect/server-statements'

export interface HypertablePolicy {
  readonly chunkHours: number
  /** 0: chunks are not compressed. */
  readonly compressAfterDays: number
  /** 0: chunks are not dropped. */
  readonly retentionDays: number
}

/**
 * Asks once, and changes only what differs.
 * @returns who drops old chunks: TimescaleDB by a policy, or we, because its Apache edition has no policies
 * @throws DatabaseError, of kind `configuration` when that edition is to compress
 */
export async function applyPolicy(
  database: Database,
  table: TableName,
  columns: readonly Column[],
  wanted: HypertablePolicy,
): Promise<'policy' | 'ours'> {
  return database.transaction(`setting the policies of "${table.table}"`, async (client) => {
    const before = await describeHypertable(client, table)
    return before === undefined ? 'ours' : changePolicy(client, table, columns, wanted, before)
  })
}

export async function changePolicy(
  client: ClientBase,
  table: TableName,
  columns: readonly Column[],
  { chunkHours, compressAfterDays, retentionDays }: HypertablePolicy,
  before: HypertableState,
): Promise<'policy' | 'ours'> {
  const isAsWanted =
    before.chunkHours === chunkHours &&
    (before.compressAfterDays ?? 0) === compressAfterDays &&
    (before.retentionDays ?? 0) === retentionDays
  if (isAsWanted) return before.community ? 'policy' : 'ours'
  await lockDefinitions(client)
  if (before.chunkHours !== chunkHours) await setChunkHours(client, table, chunkHours)
  if (!before.community) {
    if (compressAfterDays > 0) throw cannotCompress(table)
    return 'ours'
  }
  if (before.compressAfterDays !== (compressAfterDays || null)) {
    const tenant = columns.find(
      ({ source }) => source.kind === 'property' && source.path.join('.') === 'tenant',
    )
    if (!before.compresses && compressAfterDays > 0) {
      await allowCompression(client, table, before.timeColumn, tenant?.name)
    }
    await setPolicy(client, table, 'compression', compressAfterDays)
  }
  if (before.retentionDays !== (retentionDays || null))
    await setPolicy(client, table, 'retention', retentionDays)
  return 'policy'
}

function cannotCompress({ table }: TableName): DatabaseError {
  const text =
    `"${table}" cannot be compressed: this TimescaleDB is the Apache edition, which has no compression; ` +
    'set "Compress after" to 0, or install the community edition'
  return new DatabaseError('configuration', '0A000', text, 'postgresNoCompression')
}
