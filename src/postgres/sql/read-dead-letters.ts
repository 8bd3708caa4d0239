import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

/** A row of the table of dead letters, as the driver gives it. */
export interface DeadLetterRow {
  readonly id: string
  readonly failed_at: Date
  readonly reason: string
  readonly code: string | null
  readonly node_id: string | null
  readonly node_type: string | null
  readonly node_name: string | null
  readonly attempts: string | null
  readonly tenant_id: string | null
  readonly project_id: string | null
  readonly device_id: string | null
  readonly mqtt_topic: string | null
  readonly message_id: string | null
  readonly received_at: Date | null
  readonly kafka_cluster: string | null
  readonly kafka_topic: string | null
  readonly kafka_partition: string | null
  readonly kafka_offset: string | null
  readonly kafka_key: Buffer | null
  readonly headers: Readonly<Record<string, string | readonly string[]>> | null
  readonly payload: Buffer | null
  readonly payload_encoding: string
  readonly payload_length: string
  readonly payload_is_cut: boolean
  readonly replayed_at: Date | null
  readonly replay_outcome: string | null
}

/** The rows of these ids that are still there; in no order. */
export async function readDeadLetters(
  client: ClientBase,
  table: TableName,
  ids: readonly string[],
): Promise<DeadLetterRow[]> {
  const { rows } = await client.query<DeadLetterRow>(
    `select * from ${qualified(table)} where id = any ($1::uuid[])`,
    [ids],
  )
  return rows
}
