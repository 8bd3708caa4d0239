/**
 * The headers of a Kafka record: what the MQTT message was besides its payload, in every value format, so that a
 * reader needs no format to know the tenant.
 */
import type { HeaderText, UserProperties, WireRecord } from '../wire/message'
import { faithfulJson } from './faithful-json'
import { HEADER } from './header-names'
import { readText } from './header-text'
import { identifierOf } from './identifier'
import { attemptsOf } from './replayed'

type HeaderValue = HeaderText | readonly HeaderText[]
export type RecordHeaders = Record<string, HeaderValue>

/** Headers as a consumer reads them; one without a value is `null`. */
export type ReadHeaders = Readonly<
  Record<string, HeaderText | readonly (HeaderText | null)[] | null | undefined>
>

/** The headers of a record; `identity` are its message id and time of arrival. */
export function encodeHeaders(
  record: WireRecord,
  { messageId, receivedAt }: { readonly messageId: HeaderText; readonly receivedAt: number },
): RecordHeaders {
  const headers = givenHeaders(record.kafka?.headers)
  const { topic, levels, userProperties, contentType } = record
  const tenant = identifierOf('tenant', record.tenant)
  const project = identifierOf('project', record.project)
  const device = identifierOf('device', record.device)
  if (tenant !== undefined) headers[HEADER.tenant] = tenant
  if (project !== undefined) headers[HEADER.project] = project
  if (device !== undefined) headers[HEADER.device] = device
  if (isText(topic)) headers[HEADER.mqttTopic] = topic
  headers[HEADER.messageId] = messageId
  headers[HEADER.receivedAt] = String(receivedAt)
  if (record.retain === true) headers[HEADER.retained] = 'true'
  if (isText(contentType)) headers[HEADER.contentType] = contentType
  if (levels !== undefined) addLevels(headers, levels)
  if (userProperties !== undefined) addUserProperties(headers, userProperties)
  const attempts = attemptsOf(record)
  if (attempts > 0) headers[HEADER.deadLetterAttempts] = String(attempts)
  return headers
}

function isText(value: unknown): value is HeaderText {
  return typeof value === 'string' || Buffer.isBuffer(value)
}

/** The headers a flow has put on the record; without a prototype, because their names are anyone's. */
function givenHeaders(given: Readonly<Record<string, unknown>> | undefined): RecordHeaders {
  if (given === undefined || given === null) return {}
  const headers = Object.create(null) as RecordHeaders
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || name.startsWith(HEADER.deadLetterPrefix)) continue
    headers[name] = Array.isArray(value)
      ? value.filter((one) => one !== undefined && one !== null).map(headerValue)
      : headerValue(value)
  }
  delete headers[HEADER.format]
  return headers
}

function headerValue(value: unknown): HeaderText {
  return isText(value) ? value : faithfulJson(value)
}

function addLevels(headers: RecordHeaders, levels: Readonly<Record<string, unknown>>): void {
  for (const name in levels) {
    if (name === 'tenant' || name === 'project' || name === 'device') continue
    const value = identifierOf(`levels.${name}`, levels[name])
    if (value !== undefined) headers[HEADER.levelPrefix + name] = value
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
  const levels = Object.create(null) as Record<string, HeaderText>
  const userProperties = Object.create(null) as Record<string, HeaderText | HeaderText[]>
  let hasLevels = false
  let hasProperties = false
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined || value === null) continue
    const known = decodeKnown(record, name, value)
    if (known === 'level') {
      levels[name] = firstTextOf(value) ?? ''
      hasLevels = true
    } else if (known === undefined && name.startsWith(HEADER.levelPrefix)) {
      levels[name.slice(HEADER.levelPrefix.length)] = firstTextOf(value) ?? ''
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
  value: NonNullable<ReadHeaders[string]>,
): 'level' | 'known' | undefined {
  const text = firstTextOf(value) ?? ''
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

/** The first value of a header. */
export function firstTextOf(value: ReadHeaders[string]): HeaderText | undefined {
  const first = isList(value) ? value[0] : value
  return first === undefined || first === null ? undefined : readText(first)
}

function textsOf(value: NonNullable<ReadHeaders[string]>): HeaderText | HeaderText[] {
  return isList(value) ? value.flatMap((one) => (one === null ? [] : readText(one))) : readText(value)
}

function isList(value: ReadHeaders[string]): value is readonly (HeaderText | null)[] {
  return Array.isArray(value)
}
