import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

const PUT_OFF = /^put off at (\S+): tenant-postgres-sink drops this partition a day later$/

/** Notes in the comment of a partition when its drop was first put off, so that a restart does not forget it. */
export async function markPutOff(client: ClientBase, partition: TableName, atMs: number): Promise<void> {
  const at = new Date(atMs).toISOString()
  await client.query(
    `comment on table ${qualified(partition)} is 'put off at ${at}: tenant-postgres-sink drops this partition a day later'`,
  )
}

/** @returns milliseconds since 1970; `undefined` for a comment of somebody else, or none */
export function putOffAt(comment: string | null): number | undefined {
  const at = Date.parse(PUT_OFF.exec(comment ?? '')?.[1] ?? '')
  return Number.isNaN(at) ? undefined : at
}
