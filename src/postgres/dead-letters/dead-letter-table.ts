/**
 * The table for dead letters, and the statement that fills it: the same for the PostgreSQL sink, which writes them
 * in the transaction that moves the position past them, and for `tenant-dead-letter`.
 *
 * The payload is `bytea`, so that every payload can be stored. Text columns cannot hold a NUL character; it
 * becomes U+FFFD there. `id` is made of the record, and an id that is there already is left alone.
 */
import { isCut, type DeadLetter } from '../../dead-letters/dead-letter'

/** Well below the 1 GB of a field, because a text form of twice the size is in memory when it is written. */
export const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024

type SqlType = 'uuid' | 'timestamptz' | 'text' | 'integer' | 'bigint' | 'bytea' | 'jsonb' | 'boolean'

interface Column {
  readonly name: string
  readonly type: SqlType
  readonly notNull?: true
  readonly valueOf: (letter: DeadLetter) => string | number | boolean | Buffer | null
}

const columns: readonly Column[] = [
  { name: 'id', type: 'uuid', notNull: true, valueOf: (letter) => letter.id },
  { name: 'failed_at', type: 'timestamptz', notNull: true, valueOf: (letter) => timestamp(letter.failedAt) },
  { name: 'reason', type: 'text', notNull: true, valueOf: (letter) => storable(letter.reason) },
  { name: 'code', type: 'text', valueOf: (letter) => storable(letter.code) },
  { name: 'node_id', type: 'text', valueOf: (letter) => storable(letter.nodeId) },
  { name: 'node_type', type: 'text', valueOf: (letter) => storable(letter.nodeType) },
  { name: 'node_name', type: 'text', valueOf: (letter) => storable(letter.nodeName) },
  { name: 'attempts', type: 'bigint', valueOf: (letter) => letter.attempts ?? null },
  { name: 'tenant_id', type: 'text', valueOf: (letter) => storable(letter.tenant) },
  { name: 'project_id', type: 'text', valueOf: (letter) => storable(letter.project) },
  { name: 'device_id', type: 'text', valueOf: (letter) => storable(letter.device) },
  { name: 'mqtt_topic', type: 'text', valueOf: (letter) => storable(letter.mqttTopic) },
  { name: 'message_id', type: 'text', valueOf: (letter) => storable(letter.messageId) },
  { name: 'received_at', type: 'timestamptz', valueOf: (letter) => timestamp(letter.receivedAt) },
  { name: 'kafka_cluster', type: 'text', valueOf: (letter) => storable(letter.kafkaCluster) },
  { name: 'kafka_topic', type: 'text', valueOf: (letter) => storable(letter.kafkaTopic) },
  { name: 'kafka_partition', type: 'bigint', valueOf: (letter) => letter.kafkaPartition ?? null },
  { name: 'kafka_offset', type: 'bigint', valueOf: (letter) => letter.kafkaOffset ?? null },
  { name: 'kafka_key', type: 'bytea', valueOf: (letter) => letter.kafkaKey },
  { name: 'headers', type: 'jsonb', valueOf: (letter) => storableJson(letter.headers) },
  {
    name: 'payload',
    type: 'bytea',
    valueOf: (letter) => letter.payload?.subarray(0, MAX_PAYLOAD_BYTES) ?? null,
  },
  { name: 'payload_encoding', type: 'text', notNull: true, valueOf: (letter) => letter.payloadEncoding },
  { name: 'payload_length', type: 'bigint', notNull: true, valueOf: (letter) => letter.payloadLength },
  { name: 'payload_sha256', type: 'text', notNull: true, valueOf: (letter) => letter.payloadSha256 },
  {
    name: 'payload_is_cut',
    type: 'boolean',
    notNull: true,
    valueOf: (letter) => isCut(letter) || letter.payloadLength > MAX_PAYLOAD_BYTES,
  },
]

/**
 * What a replay notes; empty for a letter that has not been sent again. Tables of the first version lack them, so
 * the statement that stores letters does not name them.
 */
export const REPLAY_COLUMNS = [
  { name: 'replayed_at', type: 'timestamptz' },
  /** `delivered` or `filtered`. */
  { name: 'replay_outcome', type: 'text' },
  /** The sinks, by their names in the ledger, that have written the replayed record. */
  { name: 'replayed_by', type: 'text[]' },
] as const

/** @param table the quoted name, with its schema where one is given */
export function createDeadLetterTable(table: string): string {
  const lines = columns.map(({ name, type, notNull }) => `  ${name} ${type}${notNull ? ' NOT NULL' : ''}`)
  lines.push(...REPLAY_COLUMNS.map(({ name, type }) => `  ${name} ${type}`))
  return `CREATE TABLE IF NOT EXISTS ${table} (\n${lines.join(',\n')},\n  PRIMARY KEY (id)\n)`
}

/** Makes a table of the first version one that can be replayed. */
export function addReplayColumns(table: string): string {
  const added = REPLAY_COLUMNS.map(({ name, type }) => `ADD COLUMN IF NOT EXISTS ${name} ${type}`)
  return `ALTER TABLE ${table} ${added.join(', ')}`
}

/** One statement for all letters, with an array for each column. */
export function insertDeadLetters(
  table: string,
  letters: readonly DeadLetter[],
): { readonly text: string; readonly values: unknown[][] } {
  const names = columns.map(({ name }) => name).join(', ')
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ')
  return {
    text: `INSERT INTO ${table} (${names}) SELECT * FROM unnest(${arrays}) ON CONFLICT (id) DO NOTHING`,
    values: columns.map(({ valueOf }) => letters.map(valueOf)),
  }
}

/** Years beyond 9999 and the like have no form that PostgreSQL reads from ISO 8601; they are left out. */
function timestamp(ms: number | undefined): string | null {
  if (ms === undefined || ms < 0 || ms > Date.UTC(9999, 11, 31)) return null
  return new Date(ms).toISOString()
}

/** UTF-8 as PostgreSQL takes it: no NUL, no half of a surrogate pair. */
function storable(text: string): string
function storable(text: string | undefined): string | null
function storable(text: string | undefined): string | null {
  if (text === undefined) return null
  return Buffer.from(text).toString().replaceAll('\0', '\uFFFD')
}

function storableJson(headers: DeadLetter['headers']): string {
  const entries = Object.entries(headers).map(([name, value]) => [
    storable(name),
    typeof value === 'string' ? storable(value) : value.map((one) => storable(one)),
  ])
  return JSON.stringify(Object.fromEntries(entries))
}
