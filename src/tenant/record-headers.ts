/**
 * The headers of a Kafka record: what the MQTT message was besides its payload, in every value format, so that a
 * reader needs no format to know the tenant.
 */
import type { UserProperties, WireRecord } from '../runtime/wire'
import { HEADER } from './header-names'
import { attemptsOf } from './replayed'

type HeaderValue = Buffer | string | readonly string[]
export type RecordHeaders = Record<string, HeaderValue>

/** Headers as a consumer reads them. */
export type ReadHeaders = Readonly<Record<string, Buffer | string | readonly (Buffer | string)[] | undefined>>

/** The headers of a record; `identity` are its message id and time of arrival. */
export function encodeHeaders(
  record: WireRecord,
  { messageId, receivedAt }: { readonly messageId: string; readonly receivedAt: number },
): RecordHeaders {
  const headers = givenHeaders(record.kafka?.headers)
  const { tenant, project, device, topic, levels, userProperties, contentType } = record
  if (tenant !== undefined) headers[HEADER.tenant] = String(tenant)
  if (project !== undefined) headers[HEADER.project] = String(project)
  if (device !== undefined) headers[HEADER.device] = String(device)
  if (typeof topic === 'string') headers[HEADER.mqttTopic] = topic
  headers[HEADER.messageId] = messageId
  headers[HEADER.receivedAt] = String(receivedAt)
  if (record.retain === true) headers[HEADER.retained] = 'true'
  if (typeof contentType === 'string') headers[HEADER.contentType] = contentType
  if (levels !== undefined) addLevels(headers, levels)
  if (userProperties !== undefined) addUserProperties(headers, userProperties)
  const attempts = attemptsOf(record)
  if (attempts > 0) headers[HEADER.deadLetterAttempts] = String(attempts)
  return headers
}

/** The headers a flow has put on the record; without a prototype, because their names are anyone's. */
function givenHeaders(given: Readonly<Record<string, unknown>> | undefined): RecordHeaders {
  if (given === undefined || given === null) return {}
  const headers = Object.create(null) as RecordHeaders
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || name.startsWith(HEADER.deadLetterPrefix)) continue
    if (typeof value === 'string' || Buffer.isBuffer(value)) headers[name] = value
    else if (Array.isArray(value)) headers[name] = value.map(String)
    else headers[name] = JSON.stringify(value)
  }
  delete headers[HEADER.format]
  return headers
}

function addLevels(headers: RecordHeaders, levels: Readonly<Record<string, string>>): void {
  for (const name in levels) {
    if (name === 'tenant' || name === 'project' || name === 'device') continue
    headers[HEADER.levelPrefix + name] = String(levels[name])
  }
}

function addUserProperties(headers: RecordHeaders, properties: UserProperties): void {
  for (const name of Object.keys(properties)) {
    const value = properties[name]
    if (value !== undefined) headers[HEADER.userPropertyPrefix + name] = value
  }
}

/** The fields that our headers name. */
export function decodeHeaders(headers: ReadHeaders): WireRecord {
  const record: WireRecord = {}
  const levels = Object.create(null) as Record<string, string>
  const userProperties = Object.create(null) as Record<string, string | string[]>
  let hasLevels = false
  let hasProperties = false
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined) continue
    const known = decodeKnown(record, name, value)
    if (known === 'level') {
      levels[name] = textOf(value) ?? ''
      hasLevels = true
    } else if (known === undefined && name.startsWith(HEADER.levelPrefix)) {
      levels[name.slice(HEADER.levelPrefix.length)] = textOf(value) ?? ''
      hasLevels = true
    } else if (known === undefined && name.startsWith(HEADER.userPropertyPrefix)) {
      userProperties[name.slice(HEADER.userPropertyPrefix.length)] = textsOf(value)
      hasProperties = true
    }
  }
  if (hasLevels) record.levels = { ...levels }
  if (hasProperties) record.userProperties = { ...userProperties }
  return record
}

/** Reads one of our own headers. */
function decodeKnown(
  record: WireRecord,
  name: string,
  value: Buffer | string | readonly (Buffer | string)[],
): 'level' | 'known' | undefined {
  const text = textOf(value) ?? ''
  switch (name) {
    case HEADER.tenant:
    case HEADER.project:
    case HEADER.device:
      record[name] = text
      return 'level'
    case HEADER.mqttTopic:
      record.topic = text
      return 'known'
    case HEADER.messageId:
      record.messageId = text
      return 'known'
    case HEADER.receivedAt: {
      const time = Number(text)
      if (Number.isFinite(time)) record.receivedAt = time
      return 'known'
    }
    case HEADER.retained:
      record.retain = text === 'true'
      return 'known'
    case HEADER.contentType:
      record.contentType = text
      return 'known'
    default:
      return undefined
  }
}

/** The first value of a header, as text. */
export function textOf(value: ReadHeaders[string]): string | undefined {
  const first = Array.isArray(value) ? (value as readonly (Buffer | string)[])[0] : value
  return first?.toString()
}

function textsOf(value: NonNullable<ReadHeaders[string]>): string | string[] {
  return Array.isArray(value) ? value.map(String) : value.toString()
}
