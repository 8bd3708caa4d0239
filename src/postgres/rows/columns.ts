/** Which columns a row has and where their values come from: read from the node's configuration once. */
import { readPath, type PropertyPath } from '../../record/property-path'
import { PipelineError } from '../../wire/errors'
import { IDENTIFIER } from '../connect/name-option'

export type { PropertyPath } from '../../record/property-path'

export const PAYLOAD_TYPES = ['jsonb', 'json', 'text', 'bytea'] as const
export type PayloadType = (typeof PAYLOAD_TYPES)[number]

export type ColumnSource =
  /** The row's instant, see `record-time.ts`. */
  | { readonly kind: 'time' }
  /** The payload, stored as the payload type says. */
  | { readonly kind: 'payload' }
  /** Where the row's instant was taken from: a `TimeSource`. */
  | { readonly kind: 'time source' }
  | { readonly kind: 'property'; readonly path: PropertyPath }

export interface Column {
  readonly name: string
  readonly source: ColumnSource
  /** How sentences call it; without it the column with its name. */
  readonly label?: string
  /** Used only when the table is created. */
  readonly type: string
  /** Left out of rows for a table that has no such column. */
  readonly optional?: true
}

const property = (...path: PropertyPath): ColumnSource => ({ kind: 'property', path })

/** Says of a row whether its time is the device's. */
const TIME_SOURCE: Column = {
  name: 'time_source',
  source: { kind: 'time source' },
  type: 'text',
  optional: true,
}

/**
 * The columns of a table that this package creates, apart from `created_at`, which the database fills.
 * @param timeFromDevice the row's time is taken from a property, where it is a good one
 */
export function defaultColumns(payloadType: PayloadType, timeFromDevice = false): readonly Column[] {
  return [
    { name: 'time', source: { kind: 'time' }, type: 'timestamptz not null' },
    ...(timeFromDevice ? [TIME_SOURCE] : []),
    { name: 'tenant_id', source: property('tenant'), type: 'text' },
    { name: 'project_id', source: property('project'), type: 'text' },
    { name: 'mqtt_topic', source: property('topic'), type: 'text' },
    { name: 'payload', source: { kind: 'payload' }, type: payloadType },
    { name: 'message_id', source: property('messageId'), type: 'text' },
    { name: 'kafka_topic', source: property('kafka', 'topic'), type: 'text' },
    { name: 'kafka_partition', source: property('kafka', 'partition'), type: 'integer' },
    { name: 'kafka_offset', source: property('kafka', 'offset'), type: 'bigint' },
  ]
}

/** The name of a type. */
export const COLUMN_TYPE = /^[a-z][a-z0-9_ ]{0,40}(\(\d{1,4}(,\s?\d{1,4})?\))?( not null)?$/

/**
 * Reads a column mapping: a JSON array of `{ "column": "temperature", "from": "payload.temperature", "type":
 * "double precision" }`. `from` is `time`, `timeSource`, `payload`, or the path of a property of the record, `msg.` before it if no node of
 * ours sets it; `type` is used when the table is created and is `text` without it. An empty text is the default mapping.
 * @throws PipelineError `CONFIG_INVALID`
 */
export function readColumns(
  json: string,
  payloadType: PayloadType,
  timeFromDevice = false,
): readonly Column[] {
  if (json.trim() === '') return defaultColumns(payloadType, timeFromDevice)
  const list = parseList(json)
  const columns = list.map((entry, index) => readColumn(entry, index, payloadType))
  const twice = columns.find(({ name }, index) => columns.findIndex((other) => other.name === name) !== index)
  if (twice !== undefined) throw invalid(`column "${twice.name}" is listed twice`)
  return columns
}

function parseList(json: string): unknown[] {
  let list: unknown
  try {
    list = JSON.parse(json)
  } catch {
    throw invalid('it is not JSON')
  }
  if (!Array.isArray(list) || list.length === 0) throw invalid('it is not a list of columns')
  return list
}

function readColumn(entry: unknown, index: number, payloadType: PayloadType): Column {
  const { column, from, type } = (entry ?? {}) as { column?: unknown; from?: unknown; type?: unknown }
  const where = `entry ${index + 1}`
  if (typeof column !== 'string' || !IDENTIFIER.test(column)) {
    throw invalid(`${where}: "column" is not a name of letters, digits and underscores`)
  }
  if (typeof from !== 'string') throw invalid(`${where}: "from" is missing`)
  if (type !== undefined && (typeof type !== 'string' || !COLUMN_TYPE.test(type))) {
    throw invalid(`${where}: "type" is not the name of a type such as "double precision"`)
  }
  if (from === 'time') return { name: column, source: { kind: 'time' }, type: type ?? 'timestamptz not null' }
  if (from === 'payload') return { name: column, source: { kind: 'payload' }, type: type ?? payloadType }
  if (from === 'timeSource') return { name: column, source: { kind: 'time source' }, type: type ?? 'text' }
  const path = readPath(from, 'known')
  if (path === undefined) {
    throw invalid(
      `${where}: the column "${column}" is from "${from}", which no record has; expected the path of a property such as ` +
        'payload.temperature, or msg. before one that a node of the flow sets',
    )
  }
  return { name: column, source: property(...path), type: type ?? 'text' }
}

function invalid(why: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', `the column mapping cannot be used: ${why}`, {
    retryable: false,
    status: 'checkColumns',
  })
}
