/**
 * The last record that went into the flow, as a dialog shows it, and the paths of its properties. It is copied, and short: a
 * record would keep all that was fetched with it in memory.
 */
import { shownBytes } from '../../record/shown-bytes'
import type { HeaderText, WireRecord } from '../../wire/message'

/** A longer payload is shown in part, and has no paths. */
const MAX_PAYLOAD_BYTES = 65_536
const SHOWN_CHARACTERS = 2_000
const SHOWN_FIELD = 200
const MAX_PATHS = 300
const MAX_DEPTH = 6
/** Of a list: all elements look like the first ones. */
const MAX_ELEMENTS = 3

export interface RecordSample {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** ISO 8601. */
  readonly time: string | undefined
  /** What else the record has, but for its payload: `tenant`, `kafka.key`, … */
  readonly fields: readonly (readonly [path: string, value: string])[]
  readonly payload: string
  /** Of properties, for `from` of a column. */
  readonly paths: readonly string[]
}

/** What is kept of a record until a dialog asks: at most once a second, so it may cost something. */
export function keptRecord(record: WireRecord): WireRecord {
  const { payload, kafka } = record
  const kept = Buffer.isBuffer(payload) ? Buffer.from(payload.subarray(0, MAX_PAYLOAD_BYTES)) : payload
  return { ...record, payload: kept, kafka: { ...kafka }, payloadLength: lengthOf(payload) }
}

export function sampleOf(record: WireRecord): RecordSample {
  const { kafka = {}, payload, payloadLength } = record
  const { topic = '', partition = 0, offset = 0, timestamp, key, headers = {} } = kafka
  const { tenant, project, device, topic: mqttTopic, messageId, levels = {}, userProperties = {} } = record
  const fields: [path: string, value: unknown][] = [
    ...Object.entries({ tenant, project, device, topic: mqttTopic, messageId }),
    ...Object.entries(levels).map(([name, value]): [string, unknown] => [`levels.${name}`, value]),
    ...Object.entries(userProperties).map(([name, value]): [string, unknown] => [
      `userProperties.${name}`,
      value,
    ]),
    ['kafka.key', key],
    ...Object.entries(headers).map(([name, value]): [string, unknown] => [`kafka.headers.${name}`, value]),
  ]
  const known = fields.filter(([, value]) => value !== undefined && value !== null).slice(0, MAX_PATHS)
  return {
    ...{ topic, partition, offset },
    time: timestamp === undefined ? undefined : new Date(timestamp).toISOString(),
    fields: known.map(([path, value]) => [path, shownField(value)]),
    payload: shownPayload(payload, Number(payloadLength)),
    paths: [...known.map(([path]) => path).filter(isPath), ...payloadPaths(payload)],
  }
}

function lengthOf(payload: unknown): number {
  return Buffer.isBuffer(payload) ? payload.length : 0
}

function shownField(value: unknown): string {
  const values = (Array.isArray(value) ? value : [value]) as readonly HeaderText[]
  return values.map((one) => shownBytes(Buffer.from(one), undefined, SHOWN_FIELD)).join(', ')
}

function shownPayload(payload: unknown, length: number): string {
  if (Buffer.isBuffer(payload)) return shownBytes(payload, length, SHOWN_CHARACTERS)
  if (payload === null || payload === undefined) return ''
  return shownBytes(Buffer.from(JSON.stringify(payload) ?? ''), undefined, SHOWN_CHARACTERS)
}

/** `payload.values.0`, for a payload that is JSON or an object: each property once, the outer ones first. */
export function payloadPaths(payload: unknown): string[] {
  const value = Buffer.isBuffer(payload) ? parsed(payload) : payload
  const paths: string[] = []
  let level: [path: string, value: unknown][] = [['payload', value]]
  for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth++) {
    level = level.flatMap(([path, inner]) =>
      propertiesOf(inner).map(([name, next]): [string, unknown] => [`${path}.${name}`, next]),
    )
    level = level.slice(0, MAX_PATHS - paths.length)
    paths.push(...level.map(([path]) => path))
  }
  return paths
}

function propertiesOf(value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return []
  const all = Array.isArray(value) ? Object.entries(value.slice(0, MAX_ELEMENTS)) : Object.entries(value)
  return all.filter(([name]) => isPath(`payload.${name}`) && !name.includes('.')) as [string, unknown][]
}

/** A name with a dot in it, or none, is no part of a path. */
const isPath = (path: string): boolean => path.split('.').every((part) => part !== '')

function parsed(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString()) as unknown
  } catch {
    return undefined
  }
}
