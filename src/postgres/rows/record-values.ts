/**
 * Reads values out of a record by their paths. A payload of bytes or text is opened as JSON once, when the first
 * path leads into it, and never changed: what JavaScript cannot hold (2^53+1, 1e400, duplicate keys) is available as it
 * was written.
 */
import { sourceAt } from '../../record/json-source'
import { openJson, type NotJson } from '../../record/open-json'
import { follow } from '../../record/property-path'
import type { WireRecord } from '../../wire/message'
import type { PropertyPath } from './columns'

/** A column takes a part of the payload, and the payload is not JSON. */
export class Unusable extends Error {
  constructor(
    readonly code: NotJson,
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

const WHY: Readonly<Record<NotJson, string>> = {
  UTF8_INVALID: 'the payload is not UTF-8',
  JSON_INVALID: 'a column takes a part of the payload, and the payload is not JSON',
}

function openPayload(payload: unknown): Opened {
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array))
    return { value: payload, text: undefined }
  const opened = openJson(payload)
  return typeof opened === 'string' ? { unusable: new Unusable(opened, WHY[opened]) } : opened
}
