/** Writes the rows of one table inside of a transaction: at one go, or between savepoints, so that bad rows stand alone. */
import type { PoolClient } from 'pg'
import type { WireRecord } from '../runtime/wire'
import { bisect, type Fault } from './bisect'
import { asDatabaseError, DatabaseError } from './database-error'
import type { RejectedRecord } from './rejected'
import type { EncodedRows } from './row-mapping'
import type { RowTargets, TargetedRecords } from './row-target'

export interface EncodedPart extends TargetedRecords {
  readonly rows: EncodedRows
}

/** What became of the rows of a part. */
export interface WrittenPart {
  readonly bad: readonly RejectedRecord[]
  /** Rows that were stored: `stored-rows.ts`. */
  readonly stored: number
}

/** @returns how many rows were stored: `stored-rows.ts` */
export async function writeRows(
  client: PoolClient,
  part: EncodedPart,
  from: number,
  to: number,
): Promise<number> {
  const { target, rows } = part
  if (to === from) return 0
  try {
    return await target.writer.write(client, rows.copy.slice(from, to), to - from)
  } catch (thrown) {
    throw asDatabaseError(thrown, `writing to ${nameOf(part)}`)
  }
}

/**
 * @param first what came of all its rows at one go, if that has been tried before
 * @returns the fault of the tenant's own table when that cannot be written: then none of the rows is
 */
export async function writePart(
  client: PoolClient,
  part: EncodedPart,
  targets: RowTargets,
  first?: Fault<DatabaseError>,
): Promise<WrittenPart | DatabaseError> {
  if (part.tenant === undefined) return bisectRows(client, part, first)
  await client.query('savepoint own_table')
  try {
    const written = await bisectRows(client, part, first)
    await client.query('release savepoint own_table')
    return written
  } catch (error) {
    if (!(error instanceof DatabaseError) || !targets.isOwnFault(part.target, error)) throw error
    await client.query('rollback to savepoint own_table')
    targets.noteFailed(part.tenant, error)
    return error
  }
}

/** They may come of the rows beside it: twice the same key, or an index that PostgreSQL itself finds broken. */
const NEEDS_PROOF = ['21000', '23505', 'XX000']

async function bisectRows(
  client: PoolClient,
  part: EncodedPart,
  first: Fault<DatabaseError> | undefined,
): Promise<WrittenPart> {
  let stored = 0
  let isSet = false
  const write = async (from: number, to: number): Promise<Fault<DatabaseError> | undefined> => {
    if (!isSet) await client.query('savepoint rows')
    isSet = true
    let written: number
    try {
      written = await writeRows(client, part, from, to)
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.kind !== 'data') throw error
      await client.query('rollback to savepoint rows')
      return { error, row: error.row }
    }
    await client.query('release savepoint rows')
    isSet = false
    stored += written
    return undefined
  }
  const needsProof = ({ sqlState }: DatabaseError): boolean => NEEDS_PROOF.includes(sqlState)
  const bad = await bisect(part.rows.copy.rows, write, { first, needsProof })
  const rejected = bad.map(({ index, error }) => ({
    record: part.rows.records[index] as WireRecord,
    reason: { code: error.sqlState, text: error.message, rule: error.rule },
  }))
  return { bad: rejected, stored }
}

function nameOf({ tenant, target }: TargetedRecords): string {
  const { schema, table } = target.table
  return tenant === undefined ? `"${table}"` : `"${schema}"."${table}"`
}
