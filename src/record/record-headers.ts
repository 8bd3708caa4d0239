/**
 * The headers of a Kafka record: what the MQTT message was besides its payload, in every value format, so that a
 * reader needs no format to know the tenant.
 */
import type { HeaderText, UserProperties, WireRecord } from '../wire/message'
import { faithfulJson } from './faithful-json'
import { HEADER } from './header-names'
import { readText, readTextAt } from './header-text'
import { identifierOf } from './identifier'
import { readDigitsAt, readRepeatedTextAt } from './repeated-text'
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

/** A plain object with room for the fields of a record from the start: it is made for each one that is read. */
const NewRecord = function () {} as unknown as new () => WireRecord
NewRecord.prototype = Object.prototype as WireRecord

type Texts<Value> = Record<string, Value>

/** The fields that our headers name, in the order of the headers. */
export function decodeHeaders(headers: ReadHeaders): WireRecord {
  return fieldsOf(headers).whole
}

export function fieldsOf(headers: ReadHeaders): RecordFields {
  const fields = new RecordFields()
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined || value === null) continue
    fields.set(name, name.startsWith(HEADER.userPropertyPrefix) ? textsOf(value) : (firstTextOf(value) ?? ''))
  }
  return fields
}

/** Headers that are bytes still. */
export interface HeaderBytes {
  /** Hands over each header that has a value, in order; none may be there twice. */
  eachHeader(taker: HeaderTaker): void
}

export interface HeaderTaker {
  /** The value is this part of the bytes. */
  header(name: string, bytes: Buffer, start: number, end: number): void
}

/** The same as `fieldsOf`, without a dictionary in between. */
export function fieldsOfBytes(headers: HeaderBytes): RecordFields {
  const fields = new RecordFields()
  headers.eachHeader(fields)
  return fields
}

/** A record as it grows, header by header. */
export class RecordFields implements HeaderTaker {
  format: HeaderText | undefined
  private readonly record = new NewRecord()
  private levels: Texts<HeaderText> | undefined
  private userProperties: Texts<HeaderText | HeaderText[]> | undefined

  header(name: string, bytes: Buffer, start: number, end: number): void {
    switch (name) {
      case HEADER.messageId:
        this.record.messageId = readTextAt(bytes, start, end)
        break
      case HEADER.receivedAt: {
        const time = readDigitsAt(bytes, start, end)
        if (time === undefined) this.set(name, readTextAt(bytes, start, end))
        else this.record.receivedAt = time
        break
      }
      default:
        this.set(name, readRepeatedTextAt(bytes, start, end))
    }
  }

  /** @param value a list only of a user property */
  set(name: string, value: HeaderText | HeaderText[]): void {
    const { record } = this
    const text = value as HeaderText
    switch (name) {
      case HEADER.tenant:
        this.levels ??= {}
        record.tenant = this.levels.tenant = text
        break
      case HEADER.project:
        this.levels ??= {}
        record.project = this.levels.project = text
        break
      case HEADER.device:
        this.levels ??= {}
        record.device = this.levels.device = text
        break
      case HEADER.mqttTopic:
        record.topic = text
        break
      case HEADER.messageId:
        record.messageId = text
        break
      case HEADER.receivedAt: {
        const time = Number(text)
        if (Number.isFinite(time)) record.receivedAt = time
        break
      }
      case HEADER.retained:
        record.retain = text === 'true'
        break
      case HEADER.contentType:
        record.contentType = text
        break
      case HEADER.format:
        this.format = text
        break
      default:
        if (name.startsWith(HEADER.levelPrefix)) {
          this.levels ??= {}
          setOwn(this.levels, name.slice(HEADER.levelPrefix.length), text)
        } else if (name.startsWith(HEADER.userPropertyPrefix)) {
          this.userProperties ??= {}
          setOwn(this.userProperties, name.slice(HEADER.userPropertyPrefix.length), value)
        }
    }
  }

  /** With what was gathered of several headers. */
  get whole(): WireRecord {
    const { levels, record, userProperties } = this
    if (levels !== undefined) record.levels = levels
    if (userProperties !== undefined) record.userProperties = userProperties
    return record
  }
}

/** Names are anyone's: this one would set the prototype. */
function setOwn<Value>(texts: Texts<Value>, name: string, value: Value): void {
  if (name !== '__proto__') texts[name] = value
  else Object.defineProperty(texts, name, { value, enumerable: true, configurable: true, writable: true })
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
