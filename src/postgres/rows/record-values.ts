/**
 * Reads values out of a record by their paths. A payload of bytes or text is opened as JSON once, when the first
 * path leads into it, and never changed: what JavaScript cannot hold (2^53+1, 1e400, duplicate keys) is available as it
 * was written.
 */
import { isUtf8 } from 'node:buffer'
import type { WireRecord } from '../../wire/message'
import type { PropertyPath } from './columns'
import { sourceAt } from '../../record/json-source'

/** A column takes a part of the payload, and the payload is not JSON. */
export class Unusable extends Error {
  constructor(
    readonly code: 'JSON_INVALID' | 'UTF8_INVALID',
    text: string,
  ) {
    super(text)
  }
}

type Opened = { readonly value: unknown; readonly text: string | undefined } | { readonly unusable: Unusable }

export class RecordValues {
  private opened: Opened | undefined

  constructor(private readonly record: WireRecord) {}

  /** @throws Unusable when the path leads into a payload that is not JSON */
  at(path: PropertyPath): unknown {
    if (!leadsIntoPayload(path)) return follow(this.record, path, 0)
    const opened = this.open()
    if ('unusable' in opened) throw opened.unusable
    return follow(opened.value, path, 1)
  }

  /** `undefined` also for what cannot be read. */
  quietlyAt(path: PropertyPath): unknown {
    if (leadsIntoPayload(path) && 'unusable' in this.open()) return undefined
    return this.at(path)
  }

  /** The whole payload, opened; `undefined` when it is text or bytes and not JSON. */
  payload(): unknown {
    const opened = this.open()
    return 'unusable' in opened ? undefined : opened.value
  }

  /** The value as its device wrote it; `undefined` when it is not a part of a JSON text. */
  sourceAt(path: PropertyPath): string | undefined {
    if (!leadsIntoPayload(path)) return undefined
    const opened = this.open()
    if ('unusable' in opened || opened.text === undefined) return undefined
    return sourceAt(opened.text, path.slice(1))
  }

  private open(): Opened {
    return (this.opened ??= openPayload(this.record.payload))
  }
}

export function leadsIntoPayload(path: PropertyPath): boolean {
  return path[0] === 'payload' && path.length > 1
}

/** Own properties only, so that no name reaches into a prototype. @param from the first step of the path that is taken */
export function follow(start: unknown, path: PropertyPath, from: number): unknown {
  let value = start
  for (let index = from; index < path.length; index++) {
    const step = path[index] as string
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

function openPayload(payload: unknown): Opened {
  if (typeof payload === 'string') return openText(payload)
  if (!(payload instanceof Uint8Array)) return { value: payload, text: undefined }
  if (!isUtf8(payload)) {
    return { unusable: new Unusable('UTF8_INVALID', 'the payload is not UTF-8') }
  }
  return openText(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'))
}

function openText(text: string): Opened {
  try {
    return { value: JSON.parse(text) as unknown, text }
  } catch {
    const why = 'a column takes a part of the payload, and the payload is not JSON'
    return { unusable: new Unusable('JSON_INVALID', why) }
  }
}
