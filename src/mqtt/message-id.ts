/**
 * The id of a message, set once when it arrives: from an MQTT 5 user property, from a JSON pointer into the
 * payload, or made here. What a device sets itself survives a repetition by the broker; what we make does not.
 */
import { randomBytes } from 'node:crypto'
import { PipelineError } from '../wire/errors'
import { pointerSteps } from '../record/json-pointer'
import { sourceAt } from '../record/json-source'
import { openJson } from '../record/open-json'
import { follow } from '../record/property-path'

export type MessageIdSource = 'generated' | 'userProperty' | 'jsonPointer'

type UserProperties = Readonly<Record<string, string | readonly string[]>>

/** Finds the id in a message; an empty result means that it has none. */
export type FindMessageId = (payload: Buffer, userProperties: UserProperties | undefined) => string

const MAX_ID_LENGTH = 256

/** Ids made of a counter behind a random prefix: cheaper than a UUID for each message, and as unique. */
export class MessageIds {
  private readonly prefix = `${randomBytes(9).toString('base64url')}-`
  private count = 0
  private readonly find: FindMessageId | undefined

  /**
   * @param name the user property, or the JSON pointer (RFC 6901)
   * @throws PipelineError `CONFIG_INVALID`
   */
  constructor(source: MessageIdSource, name: string) {
    this.find = finderOf(source, name)
  }

  idOf(payload: Buffer, userProperties: UserProperties | undefined): string {
    const found = this.find?.(payload, userProperties) ?? ''
    if (found !== '' && found.length <= MAX_ID_LENGTH) return found
    return this.prefix + (this.count++).toString(36)
  }
}

function finderOf(source: MessageIdSource, name: string): FindMessageId | undefined {
  switch (source) {
    case 'generated':
      return undefined
    case 'userProperty':
      if (name === '') throw invalid('the name of the user property that holds the message ID is missing')
      return (_payload, userProperties) => {
        const value = userProperties?.[name]
        return (typeof value === 'string' ? value : value?.[0]) ?? ''
      }
    case 'jsonPointer': {
      const steps = parsePointer(name)
      return (payload) => textAt(payload, steps)
    }
  }
}

function parsePointer(pointer: string): string[] {
  if (!pointer.startsWith('/')) {
    throw invalid(`"${pointer}" is no JSON pointer; expected a path such as /deviceId or /header/id`)
  }
  return pointerSteps(pointer)
}

function textAt(payload: Buffer, steps: readonly string[]): string {
  // Of bytes that are no UTF-8 two ids could become one.
  const opened = openJson(payload)
  if (typeof opened === 'string') return ''
  const value = follow(opened.value, steps, 0)
  if (typeof value === 'string') return value
  // As it was written: JavaScript has one number for 9007199254740992 and …993, and for 1 and 1.0.
  return typeof value === 'number' ? (sourceAt(opened.text, steps) ?? '') : ''
}

function invalid(message: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', message, {
    retryable: false,
    status: 'checkMessageId',
  })
}
